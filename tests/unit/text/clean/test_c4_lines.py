import polars as pl
import pytest

from gptpath.config.cleaning import C4
from gptpath.text.clean.c4_lines import without_bad_lines

GOOD = "This line has enough words."


def lines_left(text: str, rules: C4 | None = None) -> str:
    return without_bad_lines(pl.Series([text]), rules or C4()).item()


@pytest.mark.parametrize(
    "line",
    [
        "Home",
        "No full stop at the end",
        "It goes on and on and on...",
        "Four words are few.",
        "Please turn on JavaScript in your browser.",
        "By reading on you accept our Privacy Policy.",
        "This site uses cookies for good reasons.",
        f"One very long {'w' * 1001} in a line.",
        "",
    ],
)
def test_lines_that_are_no_prose_go(line):
    assert lines_left(f"{GOOD}\n{line}\n{GOOD}") == f"{GOOD}\n{GOOD}"


@pytest.mark.parametrize(
    "line",
    [
        "Does this line have enough words?",
        "“Yes,” he said, “it surely does.”",
        'He said that it was "fine enough"',
        "Lorem ipsum dolor in JavaScript, sit amet.",
        "function(x) { return privacy policy for x. }.",
    ],
)
def test_prose_stays_and_so_do_lines_that_drop_the_document(line):
    assert lines_left(f"{GOOD}\n{line}") == f"{GOOD}\n{line}"


def test_citation_marks_go_before_line_ends_are_judged():
    assert lines_left("  A fact has been cited here.[1][23][citation needed]") == (
        "A fact has been cited here."
    )
    assert lines_left("The outer of two [[1]2] goes as well.") == "The outer of two  goes as well."


def test_rules_can_be_turned_off():
    rules = C4(terminal_punctuation=False, min_words_per_line=2, max_word_chars=5)
    assert lines_left("No stop\nWord\nToolong word", rules) == "No stop"


def test_texts_keep_their_places():
    texts = pl.Series(["nothing", f"{GOOD}\nmenu", "", GOOD], dtype=pl.String)
    assert without_bad_lines(texts, C4()).to_list() == ["", GOOD, "", GOOD]
    assert without_bad_lines(texts.clear(), C4()).to_list() == []
