"""Is this sentence well formed? A threshold on its mean token log-probability (GPT-1 sec. 5)."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from gptpath.zeroshot.baselines import Baselines
from gptpath.zeroshot.items import AcceptabilityItem
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.results import Measure, Reporter, TaskResult, candidate_facts
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.statistics import matthews

Pair = tuple[AcceptabilityItem, AcceptabilityItem]
"""The natural sentence and its corruption."""


def complete_pairs(
    items: Sequence[AcceptabilityItem], limit: int | None = None
) -> tuple[list[Pair], int]:
    """The pairs that have one natural and one corrupted member, and how many items have no such.

    `limit` bounds the number of items; pairs come in the order of their names, which are hashes.
    """
    pairs: list[Pair] = []
    lonely = 0
    for _, group in groupby(sorted(items, key=lambda i: (i.pair, not i.natural)), lambda i: i.pair):
        members = list(group)
        if [m.natural for m in members] == [True, False]:
            pairs.append((members[0], members[1]))
        else:
            lonely += len(members)
    return pairs[: None if limit is None else max(1, limit // 2)], lonely


def score_acceptability(
    scorer: Scorer, report: Reporter, tuning: Sequence[Pair], test: Sequence[Pair]
) -> TaskResult:
    """Matthews correlation and accuracy at a tuned threshold; natural above its own corruption.

    The paper does not say how it chose its threshold. Ours gives the best Matthews correlation on
    `tuning`, pairs of other documents than those of `test`.
    """
    threshold = best_threshold(*_flat(_judge(scorer, tuning)))
    judged = _judge(scorer, test)
    counts = np.array([_confusion(pair, threshold) for pair in judged], dtype=np.float64)
    evenly = Baselines(random=0.5, majority=0.5)
    measures = (
        report.statistic(
            "mcc",
            counts,
            "matthews",
            baselines=Baselines(random=0.0, majority=0.0),
            protocol="acceptability-threshold-mcc",
            judged=[[a.mean - threshold, b.mean - threshold] for a, b in judged],
        ),
        report.statistic(
            "accuracy",
            counts,
            "confusion-accuracy",
            baselines=evenly,
            protocol="acceptability-threshold-accuracy",
        ),
        _pairwise(report, "mean", judged),
        _pairwise(report, "sum", judged),
    )
    facts = [
        candidate_facts(pair[0].pair, "", [item.text for item in pair], likelihoods, 0)
        for pair, likelihoods in zip(test, judged, strict=True)
    ]
    return report.result(measures, facts)


def best_threshold(values: npt.NDArray[np.float64], natural: npt.NDArray[np.bool_]) -> float:
    """The cut (natural means above it) with the best Matthews correlation on these items.

    Cuts lie half-way between neighbouring values; among equally good ones the lowest is taken.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    if len(ordered) == 1:
        return float(ordered[0])
    cuts = (ordered[1:] + ordered[:-1]) / 2
    below = np.searchsorted(ordered, cuts, side="right")
    natural_below = np.concatenate([[0], np.cumsum(natural[order])])[below]
    naturals = int(natural.sum())
    table = np.stack(
        [
            naturals - natural_below,
            (len(values) - below) - (naturals - natural_below),
            natural_below,
            below - natural_below,
        ],
        axis=-1,
    )
    return float(cuts[np.argmax(matthews(table.astype(np.float64)))])


def _judge(scorer: Scorer, pairs: Sequence[Pair]) -> list[tuple[Likelihood, Likelihood]]:
    answers = scorer.log_likelihoods(
        [Request(context="", continuations=(item.text,)) for pair in pairs for item in pair]
    )
    flat = [choices[0] for choices in answers]
    return list(zip(flat[::2], flat[1::2], strict=True))


def _flat(
    judged: Sequence[tuple[Likelihood, Likelihood]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    values = np.array([likelihood.mean for pair in judged for likelihood in pair])
    return values, np.tile([True, False], len(judged))


def _confusion(pair: tuple[Likelihood, Likelihood], threshold: float) -> tuple[bool, ...]:
    natural, corrupted = (likelihood.mean > threshold for likelihood in pair)
    return natural, corrupted, not natural, not corrupted


def _pairwise(
    report: Reporter, rule: str, judged: Sequence[tuple[Likelihood, Likelihood]]
) -> Measure:
    values = [[a.mean, b.mean] if rule == "mean" else [a.total, b.total] for a, b in judged]
    return report.proportion(
        "pair-accuracy" if rule == "mean" else "pair-accuracy-sum",
        [natural > corrupted for natural, corrupted in values],
        baselines=Baselines(random=0.5),
        protocol=f"acceptability-pair-{rule}",
        judged=values,
    )
