import pytest

from gptpath.contamination.ngrams import NgramHasher
from gptpath.contamination.overlap import corpus_filter, measure_overlap

CORPUS = [["the quick brown fox jumps", "over the lazy dog"], ["and then it sleeps"]]


@pytest.fixture
def hasher():
    return NgramHasher(3)


@pytest.fixture
def bloom(hasher):
    return corpus_filter(lambda: CORPUS, hasher, lambda _: None)


def test_the_share_is_that_of_ngrams_found_in_the_corpus(bloom, hasher):
    items = [("The quick brown fox!",), ("a quick brown fox",), ("nothing of it here",)]
    found = measure_overlap("set", items, bloom, hasher)
    assert (found.items, found.ngrams, found.overlapping_ngrams) == (3, 6, 3)
    assert found.items_overlapping == 2
    assert found.share == 0.5
    assert found.own_train_share is None


def test_ngrams_across_fields_or_documents_do_not_count(bloom, hasher):
    found = measure_overlap(
        "set", [("the quick", "brown fox"), ("fox jumps over the lazy",)], bloom, hasher
    )
    assert (found.ngrams, found.overlapping_ngrams) == (3, 1)


def test_overlap_with_the_sets_own_train_split_is_measured_beside(bloom, hasher):
    found = measure_overlap(
        "set",
        [("a b c d",)],
        bloom,
        hasher,
        own_train=[("b c d",), ("the quick brown",)],
    )
    assert (found.share, found.own_train_share) == (0.0, 0.5)


def test_items_shorter_than_an_ngram_are_counted_and_overlap_nothing(bloom, hasher):
    found = measure_overlap("set", [("the quick",), ()], bloom, hasher)
    assert (found.items, found.ngrams, found.share, found.items_overlapping) == (2, 0, 0.0, 0)


def test_an_empty_set_overlaps_nothing(bloom, hasher):
    assert measure_overlap("set", [], bloom, hasher).share == 0.0


def test_progress_counts_the_texts_added(hasher):
    seen = []
    corpus_filter(lambda: CORPUS, hasher, seen.append)
    assert seen == [2, 3]
