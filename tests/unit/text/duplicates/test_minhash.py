import random

import numpy as np
import pytest

from gptpath.config.duplicates import Duplicates
from gptpath.text.duplicates.minhash import alike, min_hashes, sign
from gptpath.text.duplicates.shingles import Shingles, shingle
from tests.unit.text.planted import edited, jaccard_of, random_texts


def test_a_signature_does_not_depend_on_the_company():
    texts = [*random_texts(3, words=30, seed=0), "", *random_texts(2, words=40_000, seed=1), "a"]
    together = sign(shingle(texts, 5), Duplicates())
    for number, text in enumerate(texts):
        alone = sign(shingle([text], 5), Duplicates())
        assert np.array_equal(alone.sketches[0], together.sketches[number])
        assert np.array_equal(alone.band_keys[:, 0], together.band_keys[:, number])


def test_each_minhash_is_the_least_under_its_permutation():
    shingles = shingle(random_texts(1, words=100, seed=2), 5)
    each = Shingles(shingles.hashes, np.arange(1, len(shingles.hashes) + 1))
    least = min_hashes(each, permutations=16, seed=3).min(axis=1)
    assert np.array_equal(least, min_hashes(shingles, permutations=16, seed=3)[:, 0])


@pytest.mark.parametrize("share", [0.01, 0.03, 0.08])
def test_estimates_agree_with_brute_force_within_four_standard_deviations(share):
    rng = random.Random(4)
    for text in random_texts(10, words=300, seed=5):
        copy = edited(text, share, rng, ["new"])
        true = jaccard_of(text, copy, 5)
        a, b = sign(shingle([text, copy], 5), Duplicates()).sketches
        deviation = np.sqrt(true * (1 - true) / Duplicates().permutations)
        # Of differing MinHashes one in 256 has the same sketch.
        assert abs(alike(a[None], b[None])[0] - true) < 4 * deviation + (1 - true) / 256


def test_permutations_are_as_good_as_independent():
    # The share of pairs with an equal band is what independent MinHashes would give.
    settings = Duplicates(bands=12)
    rng = np.random.default_rng(6)
    found = 0
    for _ in range(400):
        values = rng.integers(0, 2**64, 300, dtype=np.uint64)
        both = np.concatenate((values[:200], values[100:]))  # Jaccard 1/3
        keys = sign(Shingles(both, np.array([200, 400])), settings).band_keys
        found += bool((keys[:, 0] == keys[:, 1]).any())
    chance = settings.chance(1 / 3)
    assert abs(found / 400 - chance) < 4 * np.sqrt(chance * (1 - chance) / 400)


def test_another_seed_gives_other_hashes():
    shingles = shingle(random_texts(1, words=100, seed=7), 5)
    one, two = (min_hashes(shingles, permutations=64, seed=seed) for seed in (0, 1))
    assert (one != two).mean() > 0.9
