from hypothesis import given
from hypothesis import strategies as st

from gptpath.zeroshot.detokenizers.treebank import PLAIN, PTB
from gptpath.zeroshot.detokenizers.wikitext import detokenize, tokenize

PIECES = st.sampled_from(
    ["a", "Bob", "12", "3", ",", ".", "@-@", "@,@", "@.@", "'s", "n't", "(", ")", '"', "=", "<unk>"]
)
WIKITEXT_LINES = st.lists(PIECES, max_size=12).map(lambda words: f" {' '.join(words)} \n")


@given(WIKITEXT_LINES | st.text())
def test_no_line_is_ever_lost(line: str) -> None:
    text = detokenize(line)
    assert text == line or tokenize(text) == line


TREEBANK_PIECES = st.sampled_from(
    [
        "a",
        "Mr",
        "mr.",
        "N",
        "<unk>",
        ",",
        ".",
        "?",
        "``",
        "''",
        "`",
        "'",
        "'s",
        "n't",
        "$",
        "%",
        "(",
    ]
)
TREEBANK_LINES = st.lists(TREEBANK_PIECES, max_size=14).map(" ".join)


@given(TREEBANK_LINES | st.text())
def test_no_treebank_line_is_ever_lost(line: str) -> None:
    for spelling in (PTB, PLAIN):
        for published in (line, f" {line} \n"):
            text = spelling.detokenize(published)
            assert text == published or spelling.tokenize(text) == published
