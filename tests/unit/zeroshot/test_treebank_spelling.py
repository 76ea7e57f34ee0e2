import pytest

from gptpath.zeroshot.benchmarks.files import read_text
from gptpath.zeroshot.detokenizers.reversible import Spelling
from gptpath.zeroshot.detokenizers.treebank import PLAIN, PTB
from tests.shared_data import REAL


@pytest.mark.parametrize(
    ("published", "text"),
    [
        ("`` i ca n't , '' he said . ``", None),  # nothing opens at the end
        ("born in the u.s. , he said .", "born in the u.s., he said."),
        ("`` no , '' he said . `` why ? ''", '"no," he said. "why?"'),
        ("` Here you are ! '", "‘Here you are!'"),
        ("it 's the cats ' ( old ) tail ; mr. x did n't see", None),
        ("he would 've gone , would n't he ?", "he would've gone, wouldn't he?"),
        ("mr . smith came . he sat .", "mr . smith came. he sat."),
    ],
)
def test_tokens_become_running_text_and_back(published, text):
    found = PLAIN.detokenize(published)
    if text is not None:
        assert found == text
    assert PLAIN.tokenize(found) == published or found == published


def test_penn_treebank_lines_lose_their_outer_blanks_and_get_them_back():
    line = " the bank 's $ N million loan is up N % records viewers ' opinions \n"
    text = PTB.detokenize(line)
    assert text == "the bank's $N million loan is up N% records viewers' opinions\n"
    assert PTB.tokenize(text) == line


def test_a_sentence_that_cannot_be_recovered_does_not_spoil_its_neighbours():
    lossy = Spelling(
        join=lambda body: body.lower().replace(" ,", ","),
        split=lambda text: text.replace(",", " ,"),
    )
    line = "Big , once . so , it is .\n"
    assert lossy.detokenize("no , yes\n") == "no, yes\n"
    assert lossy.detokenize("Big once . so , it is .\n") == "Big once . so, it is .\n"
    # A sentence that stays as published must itself survive being taken apart.
    assert lossy.detokenize(line) == line


SHARED = {
    "ptb/ptb.valid.txt.gz": (PTB, 1.0),
    "lambada/lambada_test_plain_text.txt.gz": (PLAIN, 0.98),
    "cbt/cbt_test.txt.gz": (PLAIN, 0.99),
}


@pytest.mark.skipif(not (REAL / "ptb").is_dir(), reason="the published files are not here")
@pytest.mark.parametrize(("file", "case"), SHARED.items())
def test_nearly_all_published_lines_come_back_from_their_running_text(file, case):
    spelling, share = case
    lines = [line for line in read_text(REAL / file).splitlines()[:1500] if line.strip()]
    texts = [spelling.detokenize(line) for line in lines]
    back = [spelling.tokenize(text) for text in texts]
    assert sum(a == b for a, b in zip(back, lines, strict=True)) >= share * len(lines)
    assert all(b == a or t == a for a, b, t in zip(lines, back, texts, strict=True))
