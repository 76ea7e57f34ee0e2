import pytest

from gptpath.text.cleaning import FEW_LETTERS, TOO_LONG, TOO_SHORT, clean, drop_reason


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a\r\nb\rc\x0cd\u2028e", "a\nb\nc\nd\ne"),
        ("bell\x07 nul\x00 tab\t.", "bell nul tab\t."),
        ("trailing  \t\nblanks ", "trailing\nblanks"),
        ("\n\n  indented\n\n\n\n\nlast\n", "  indented\n\nlast"),
        ("cafe\u0301", "caf\u00e9"),
        ("\ufeffzero\u200bwidth", "zerowidth"),
        ("schÃ¶n â€œquotedâ€\x9d", "schön “quoted”"),
        ("“Curly” &amp; ﬁne — kept", "“Curly” &amp; ﬁne — kept"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
    ],
)
def test_texts_are_normalised(given, expected):
    assert clean(given) == expected


def test_cleaning_twice_changes_nothing_more():
    text = "é\r\n\x0b Ã©t\u00e9  \n\n\n\n“x”\ud800"
    assert clean(clean(text)) == clean(text)


def test_every_drop_has_its_reason():
    def reason(text: str) -> str | None:
        return drop_reason(text, min_chars=10, max_chars=40)

    assert reason("short") == TOO_SHORT
    assert reason("long " * 20) == TOO_LONG
    assert reason("1 2 3 4 + - = 5 a b") == FEW_LETTERS
    assert reason("words and 12 numbers") is None
