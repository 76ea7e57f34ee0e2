import numpy as np
import pytest

from gptpath.gate.heldout import Passage
from gptpath.gate.leaks import find_leaks

KNOWN = "one two three four five six seven eight nine ten"
NEW = "alpha beta gamma delta epsilon zeta eta theta iota kappa"
HALF = "one two three four five six alpha beta gamma delta"


def passages(*texts: str) -> list[Passage]:
    return [Passage(document=str(place), text=text) for place, text in enumerate(texts)]


def test_ngrams_of_the_corpus_are_found_whatever_their_case_and_stops() -> None:
    found = find_leaks(passages(KNOWN, NEW, HALF), [[KNOWN.upper() + "."]], ngram_words=4)
    assert found.ngrams.tolist() == [7, 7, 7]
    assert found.found.tolist() == [7, 0, 3]
    assert found.share == pytest.approx(10 / 21)


def test_ngrams_do_not_cross_from_one_text_of_the_corpus_into_the_next() -> None:
    words = KNOWN.split()
    halves = [[" ".join(words[:5])], [" ".join(words[5:])]]
    assert find_leaks(passages(KNOWN), halves, ngram_words=4).found.tolist() == [4]


def test_an_item_is_contaminated_from_the_stated_share_on() -> None:
    found = find_leaks(passages(KNOWN, NEW, HALF), [[KNOWN]], ngram_words=4)
    assert found.contaminated([0, 1, 2], 3 / 7).tolist() == [True, False, True]
    assert found.contaminated([0, 1, 2], 0.5).tolist() == [True, False, False]
    # As one document the first two have half of their n-grams there.
    assert found.contaminated([0, 0, 1], 0.5).tolist() == [True, False]


def test_items_shorter_than_an_ngram_never_count() -> None:
    found = find_leaks(passages("one two", "one"), [[KNOWN]], ngram_words=4)
    assert not found.contaminated([0, 1], 0.0).any()
    assert found.share == 0.0
    assert found.ngrams.dtype == np.int64
