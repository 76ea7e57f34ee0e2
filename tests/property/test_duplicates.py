import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gptpath.config.duplicates import Duplicates
from gptpath.events import ignore
from gptpath.text.duplicates.jaccard import jaccard
from gptpath.text.duplicates.linked_groups import link, separate
from gptpath.text.duplicates.near_duplicates import find_duplicates
from gptpath.text.duplicates.shingles import shingle
from tests.unit.text.planted import jaccard_of, shingles_of, words_of, write_shards

ODD_TEXTS = st.lists(st.text(alphabet="abAB é.,1 \n_ßİΣς’漢字ไทย한", max_size=40), max_size=6)
WORDS = st.lists(st.sampled_from("abcdefgh"), max_size=30).map(" ".join)
CORPORA = st.lists(WORDS, min_size=1, max_size=12).map(
    lambda texts: {f"{n:02d}": text for n, text in enumerate(texts)}
)
SMALL = Duplicates(ngram_words=2, threshold=0.6, family_threshold=0.3, bands=12, rows=2)


def decisions(documents, *, shards, workers=1, order=None):
    items = list(documents.items())
    if order is not None:
        order.shuffle(items)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as executor:
        paths = write_shards(Path(folder), dict(items), shards=shards)
        path = find_duplicates(paths, Path(folder), SMALL, executor, ignore)
        return path.read_bytes(), pl.read_parquet(path).to_dicts()


@given(texts=ODD_TEXTS, n=st.integers(1, 4))
def test_shingles_have_equal_hashes_exactly_where_brute_force_finds_them_equal(texts, n):
    seen: dict[tuple[str, ...], int] = {}
    shingles = shingle(texts, n)
    for text, start, end in zip(texts, shingles.starts, shingles.ends, strict=True):
        words = words_of(text)
        last = max(len(words) - n, 0) if words else -1
        grams = [tuple(words[i : i + n]) for i in range(last + 1)]
        hashes = shingles.hashes[start:end].tolist()
        assert len(hashes) == len(grams)
        for gram, value in zip(grams, hashes, strict=True):
            assert seen.setdefault(gram, value) == value
    assert len(set(seen.values())) == len(seen)


@given(a=WORDS, b=WORDS, n=st.integers(1, 3))
def test_the_jaccard_index_is_that_of_plain_sets(a, b, n):
    if not (shingles_of(a, n) or shingles_of(b, n)):
        return
    sets = (np.unique(shingle([text], n).hashes) for text in (a, b))
    assert jaccard(*sets) == jaccard_of(a, b, n)


@given(
    links=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30),
    rng=st.randoms(use_true_random=False),
)
def test_groups_are_those_of_a_plain_union_find_in_any_order(links, rng):
    groups = {n: {n} for n in range(20)}
    for a, b in links:
        joined = groups[a] | groups[b]
        groups |= dict.fromkeys(joined, joined)
    rng.shuffle(links)
    lowest = separate(20)
    for start in range(0, len(links), 7):
        some = np.array(links[start : start + 7])
        lowest = link(lowest, some[:, 0], some[:, 1])
    assert lowest.tolist() == [min(groups[n]) for n in range(20)]


@settings(max_examples=8, deadline=None)
@given(documents=CORPORA, order=st.randoms(use_true_random=False))
def test_neither_order_nor_shards_nor_workers_change_the_result(
    documents: dict[str, str], order: random.Random
):
    expected, _ = decisions(documents, shards=1)
    assert decisions(documents, shards=3, workers=3, order=order)[0] == expected


@settings(max_examples=12, deadline=None)
@given(documents=CORPORA)
def test_decisions_hold_together(documents: dict[str, str]):
    _, rows = decisions(documents, shards=2)
    by_id = {row["id"]: row for row in rows}
    assert list(by_id) == sorted(documents)
    kept_texts: set[str] = set()
    for row in rows:
        text = documents[row["id"]].replace(" ", "")
        if row["reason"] is None:
            # Equal texts leave one.
            assert row["duplicate_of"] is None
            assert text not in kept_texts
            kept_texts.add(text)
        else:
            original = by_id[row["duplicate_of"]]
            assert original["reason"] is None
            assert original["id"] < row["id"]
            assert original["family"] == row["family"]
        # A family is known by its lowest member, so belonging to it is symmetric and transitive.
        assert by_id[row["family"]]["family"] == row["family"]
        assert row["family"] <= row["id"]


@settings(max_examples=12, deadline=None)
@given(documents=CORPORA)
def test_nothing_is_linked_without_a_pair_alike_enough(documents: dict[str, str]):
    _, rows = decisions(documents, shards=2)
    texts = {i: text.replace(" ", "") for i, text in documents.items()}

    def best(one: str) -> float:
        others = [other for other in documents if other != one]
        if any(texts[one] == texts[other] for other in others):
            return 1.0
        return max(
            jaccard_of(documents[one], documents[other], 2)
            for other in others
            if words_of(documents[other])
        )

    for row in rows:
        if row["reason"] is not None:
            assert best(row["id"]) >= SMALL.threshold
        if row["similarity"] is not None:
            assert SMALL.family_threshold <= row["similarity"] <= best(row["id"]) + 1e-6
