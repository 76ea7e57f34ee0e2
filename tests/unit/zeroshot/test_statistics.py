import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU

from gptpath.zeroshot.answers import bleu_sums
from gptpath.zeroshot.statistics import STATISTICS, corpus_bleu

HYPOTHESES = ["the cat sat on the mat", "a dog", "", "it is what it is , is it"]
REFERENCES = ["the cat sat on a mat", "the dog barked", "nothing", "it is what it is , it is said"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_bleu_from_the_sums_is_sacrebleus(count):
    theirs = BLEU().corpus_score(HYPOTHESES[:count], [REFERENCES[:count]]).score
    sums = bleu_sums(HYPOTHESES[:count], [[r] for r in REFERENCES[:count]])
    assert float(corpus_bleu(sums.sum(axis=0))) == pytest.approx(theirs, abs=1e-9)


def test_bleu_of_nothing_is_zero():
    assert float(corpus_bleu(bleu_sums([""], [["a b"]]).sum(axis=0))) == 0


def test_every_statistic_works_on_many_draws_at_once():
    sums = np.random.default_rng(0).integers(1, 9, (5, 10)).astype(float)
    for statistic in STATISTICS.values():
        together = statistic(sums)
        assert together.shape == (5,)
        assert together == pytest.approx([float(statistic(row)) for row in sums])
