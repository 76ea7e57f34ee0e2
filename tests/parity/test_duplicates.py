"""Near-duplicates against brute force over all pairs, in plain Python sets."""

import gzip
import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from gptpath.config.duplicates import Duplicates
from gptpath.events import ignore
from gptpath.text.duplicates.near_duplicates import find_duplicates
from tests.shared_data import REAL
from tests.unit.text.planted import edited, random_texts, shingles_of, write_shards

BOOKS = sorted((REAL / "books" / "english_novels").glob("*.gz"))


def brute_force(documents, threshold):
    """Lowest id of each document's group of pairs at the threshold, and each one's best index."""
    sets = {i: shingles_of(text, 5) for i, text in documents.items()}
    groups = {i: {i} for i in documents}
    best = dict.fromkeys(documents, 0.0)
    for a, b in itertools.combinations(documents, 2):
        index = len(sets[a] & sets[b]) / len(sets[a] | sets[b])
        best[a], best[b] = max(best[a], index), max(best[b], index)
        if index >= threshold:
            joined = groups[a] | groups[b]
            groups |= dict.fromkeys(joined, joined)
    return {i: min(group) for i, group in groups.items()}, best


def with_copies(texts, copies, seed=1):
    """Texts with edited copies, `copies` times as many as there are texts, from slight to heavy."""
    rng = random.Random(seed)
    vocabulary = sorted({word for text in texts for word in text.split()})
    documents = {f"{number:04d}": text for number, text in enumerate(texts)}
    for number in range(len(texts), len(texts) * (1 + copies)):
        share = rng.choice([0.001, 0.01, 0.02, 0.03, 0.05, 0.1])
        documents[f"{number:04d}"] = edited(rng.choice(texts), share, rng, vocabulary)
    return documents


def agree_with_brute_force(documents, folder):
    settings = Duplicates()
    lowest, best = brute_force(documents, settings.threshold)
    families, _ = brute_force(documents, settings.family_threshold)
    shards = write_shards(folder / "shards", documents, shards=4)
    with ThreadPoolExecutor(2) as executor:
        frame = pl.read_parquet(find_duplicates(shards, folder, settings, executor, ignore))
    assert 0 < sum(one != lowest[one] for one in documents) < len(documents)
    for row in frame.iter_rows(named=True):
        one = row["id"]
        assert (row["duplicate_of"] or one) == lowest[one]
        assert row["family"] == families[one]
        assert (row["similarity"] is not None) == (best[one] >= settings.family_threshold)
        if lowest[one] != one:
            assert settings.threshold <= row["similarity"] <= best[one] + 1e-6


def test_on_random_texts_every_decision_is_the_one_of_brute_force(tmp_path):
    agree_with_brute_force(with_copies(random_texts(60, words=250, seed=0), 2), tmp_path)


def test_in_crowds_every_decision_is_the_one_of_brute_force(tmp_path):
    agree_with_brute_force(with_copies(random_texts(3, words=250, seed=2), 60), tmp_path)


@pytest.mark.skipif(not BOOKS, reason="the shared books are not there")
def test_on_real_texts_every_decision_is_the_one_of_brute_force(tmp_path):
    texts = (gzip.decompress(path.read_bytes()).decode("utf-8-sig") for path in BOOKS)
    agree_with_brute_force(with_copies([text[20_000:21_500] for text in texts], 2), tmp_path)
