from hypothesis import given
from hypothesis import strategies as st

from gptpath.zeroshot.detokenizers.wikitext import detokenize, tokenize

PIECES = st.sampled_from(
    ["a", "Bob", "12", "3", ",", ".", "@-@", "@,@", "@.@", "'s", "n't", "(", ")", '"', "=", "<unk>"]
)
WIKITEXT_LINES = st.lists(PIECES, max_size=12).map(lambda words: f" {' '.join(words)} \n")


@given(WIKITEXT_LINES | st.text())
def test_no_line_is_ever_lost(line: str) -> None:
    text = detokenize(line)
    assert text == line or tokenize(text) == line
