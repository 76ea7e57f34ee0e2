import pytest

from gptpath.config.cleaning import C4, Cleaning, Gopher
from gptpath.text.clean.cleaning import (
    FEW_LETTERS,
    REMOVED_DOMAIN,
    TOO_LONG,
    TOO_SHORT,
    clean,
    clean_frame,
    drop_frame,
    normalise_frame,
)
from gptpath.text.documents import as_frame


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


def test_every_drop_has_its_reason(document):
    def reason(text: str) -> str | None:
        settings = Cleaning(min_chars=10, max_chars=40)
        dropped = drop_frame(as_frame([document(text, location="a")]), settings).dropped
        return dropped["reason"].item() if len(dropped) else None

    assert reason("short") == TOO_SHORT
    assert reason("long " * 20) == TOO_LONG
    assert reason("1 2 3 4 + - = 5 a b") == FEW_LETTERS
    assert reason("words and 12 numbers") is None


@pytest.mark.parametrize(
    "text",
    [
        "भारत एक विशाल देश है। यहाँ अनेक भाषाएँ बोली जाती हैं और लोग विभिन्न धर्मों का पालन करते हैं।",
        "বাংলাদেশ দক্ষিণ এশিয়ার একটি সার্বভৌম রাষ্ট্র। এর রাজধানী ঢাকা।",
        "தமிழ்நாடு இந்தியாவின் தென்கோடியில் அமைந்துள்ள மாநிலமாகும்.",
        "မြန်မာနိုင်ငံသည် အရှေ့တောင်အာရှတွင် တည်ရှိသော နိုင်ငံဖြစ်သည်။",
    ],
)
def test_vowel_signs_make_no_text_poor_in_letters(text, document):
    kept = clean_frame(as_frame([document(text, location="a")]), Cleaning(min_chars=10)).kept
    assert kept["text"].to_list() == [text]


PROSE = "The keeper of the lighthouse had to be up with the sun. That is what they have told us."


def test_steps_that_make_work_for_earlier_ones_are_repeated():
    assert clean("e\u200b\u0301") == "\u00e9"


def test_a_table_keeps_its_columns_and_order(document):
    frame = as_frame([document(f"  {PROSE}\r\n{n}  ", location=str(n)) for n in range(3)])
    cleaned = normalise_frame(frame, Cleaning())
    assert cleaned["text"].to_list() == [f"  {PROSE}\n{n}" for n in range(3)]
    assert cleaned.drop("text").equals(frame.drop("text"))


def test_the_first_rule_that_hits_is_the_reason(document):
    settings = Cleaning(
        min_chars=60,
        max_chars=400,
        languages=("en",),
        quality=("c4", "gopher"),
        gopher=Gopher(min_words=10, max_duplicate_ngram_chars=(1.0,) * 6),
        c4=C4(min_sentences=2),
        remove_domains=("bad.org",),
    )
    french = "Le gardien du phare devait se lever avec le soleil. C'est ce qu'ils nous ont dit."
    texts = [
        (PROSE, "https://good.org/1", None),
        ("{", "https://bad.org/2", REMOVED_DOMAIN),
        ("{", "3", TOO_SHORT),
        (f"{PROSE}\n" * 9, "4", TOO_LONG),
        (f"{PROSE[:55]}. {'12 34 ' * 20} end of it.", "5", FEW_LETTERS),
        (french, "6", "other_language"),
        ("Incomprehensibilities notwithstanding, the internationalisation of it is good.", "7",
         "gopher_few_words"),
        (f"{PROSE} It is {{odd}}.", "8", "c4_curly_bracket"),
    ]  # fmt: skip
    frame = as_frame([document(text, location=place) for text, place, _ in texts])
    result = drop_frame(frame, settings)
    assert result.kept["location"].to_list() == ["https://good.org/1"]
    assert dict(result.dropped.select("location", "reason").rows()) == {
        place: reason for _, place, reason in texts if reason
    }


def test_domains_are_removed_whatever_a_column_or_a_redirect_names_the_page(document):
    addresses = ("https://en.bad.org/x", "https://good.org/x", "")
    frame = as_frame(
        document(PROSE, location=f"t.co/{n}", metadata={"url": url} if url else {})
        for n, url in enumerate(addresses)
    )
    result = drop_frame(frame, Cleaning(min_chars=10, remove_domains=("bad.org",)))
    assert result.dropped.select("location", "reason").rows() == [("t.co/0", REMOVED_DOMAIN)]


def test_masking_and_line_rules_come_before_the_rules_that_drop(document):
    text = f"Menu\n{PROSE}[1]\nMail to joe@site.org if you have questions."
    settings = Cleaning(min_chars=20, mask=("email",), quality=("c4",))
    kept = clean_frame(as_frame([document(text), document("Menu\n" * 20)]), settings)
    assert kept.kept["text"].to_list() == [
        f"{PROSE}\nMail to email@example.com if you have questions."
    ]
    assert kept.dropped["reason"].to_list() == [TOO_SHORT]
