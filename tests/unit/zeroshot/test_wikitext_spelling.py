import pytest

from gptpath.zeroshot.benchmarks.files import find, read_text
from gptpath.zeroshot.detokenizers.wikitext import detokenize, tokenize
from tests.shared_data import REAL


@pytest.mark.parametrize(
    ("published", "text"),
    [
        (" = = Early life = = \n", "== Early life ==\n"),
        (" He said , it ended . \n", "He said, it ended.\n"),
        (" a well @-@ known 1 @,@ 000 and 2 @.@ 5 \n", "a well-known 1,000 and 2.5\n"),
        (" Teddy 's dog can 't ( really ) \n", "Teddy's dog can't (really)\n"),
        (" ( Really ) he said \n", "(Really) he said\n"),
        (' the role " Craig " in \n', 'the role "Craig" in\n'),
        (" \n", "\n"),
    ],
)
def test_published_lines_become_running_text_and_back(published, text):
    assert detokenize(published) == text
    assert tokenize(text) == published


@pytest.mark.parametrize("line", [" War I . Then \n", " by Gen. Smith \n", "no outer spaces\n"])
def test_a_line_that_could_not_be_recovered_stays_as_published(line):
    found = detokenize(line)
    assert tokenize(found) == line or found == line


@pytest.mark.skipif(not (REAL / "wikitext-2").is_dir(), reason="WikiText-2 is not here")
def test_nearly_all_lines_of_the_published_test_set_are_joined_reversibly():
    published = read_text(find(REAL, ["wikitext-2/test.txt"])).splitlines(keepends=True)
    lines = [line for line in published if line.strip()]
    joined = [line for line in lines if detokenize(line) != line]
    assert all(tokenize(detokenize(line)) == line for line in joined)
    assert len(joined) > 0.98 * len(lines)
