"""Which of several texts is true: cloze (CBT), true continuation, Winograd schemas."""

from collections.abc import Sequence
from statistics import fmean

from gptpath.zeroshot.items import ChoiceItem, ClozeItem, SchemaItem
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.results import ItemRecord, Reporter, TaskResult, argmax
from gptpath.zeroshot.scoring import Scorer


def score_cloze(scorer: Scorer, report: Reporter, items: Sequence[ClozeItem]) -> TaskResult:
    """The candidate and the rest of the sentence given it, highest wins (GPT-2 sec. 3.2).

    The second column judges by the candidate's own probability alone, which is not the paper's
    rule and scores lower.
    """
    answers = scorer.log_likelihoods(
        [
            Request(context=i.before, continuations=tuple(c + i.after for c in i.choices))
            for i in items
        ]
    )
    totals = [[a.total for a in choices] for choices in answers]
    words = [
        [_head(scorer, likelihood, choice) for likelihood, choice in zip(a, i.choices, strict=True)]
        for a, i in zip(answers, items, strict=True)
    ]
    labels = [item.label for item in items]
    chance = _chance([len(item.choices) for item in items])
    scores = (
        report.proportion(
            "accuracy", _correct(totals, labels), chance=chance, protocol="cloze-rest-of-sentence"
        ),
        report.proportion(
            "accuracy-candidate-only",
            _correct(words, labels),
            chance=chance,
            protocol="cloze-candidate-only",
        ),
    )
    records = _records(
        report.task,
        [(i.id, i.before, i.choices, i.label) for i in items],
        totals,
    )
    return TaskResult(scores=scores, records=records)


def score_continuation(scorer: Scorer, report: Reporter, items: Sequence[ChoiceItem]) -> TaskResult:
    """The true continuation by mean token log-probability (GPT-1 sec. 5), sum, and gain.

    The gain is how much likelier the context makes a continuation than the start of a document
    does (pointwise mutual information; Brown et al. 2020 sec. 2.4, Holtzman et al. 2021). It takes
    out that some sentences are likely anywhere, and is in neither of our two papers.
    """
    answers = scorer.log_likelihoods(
        [Request(context=i.context, continuations=i.choices) for i in items]
    )
    anywhere = scorer.log_likelihoods([Request(context="", continuations=i.choices) for i in items])
    means = [[a.mean for a in choices] for choices in answers]
    totals = [[a.total for a in choices] for choices in answers]
    gains = [
        [a.total - b.total for a, b in zip(*pair, strict=True)]
        for pair in zip(answers, anywhere, strict=True)
    ]
    labels = [item.label for item in items]
    chance = _chance([len(item.choices) for item in items])
    scores = (
        report.proportion(
            "accuracy", _correct(means, labels), chance=chance, protocol="continuation-mean"
        ),
        report.proportion(
            "accuracy-sum", _correct(totals, labels), chance=chance, protocol="continuation-sum"
        ),
        report.proportion(
            "accuracy-gain", _correct(gains, labels), chance=chance, protocol="continuation-gain"
        ),
    )
    records = _records(report.task, [(i.id, i.context, i.choices, i.label) for i in items], means)
    return TaskResult(scores=scores, records=records)


def score_winograd(scorer: Scorer, report: Reporter, items: Sequence[SchemaItem]) -> TaskResult:
    """Each candidate in place of the pronoun (Trinh and Le 2018; GPT-2 sec. 3.4).

    Full scoring takes the log-probability of the whole sentence, partial scoring that of the part
    after the candidate given everything up to it. In both the sentence starts a document.
    """
    sentences = [(context, item.continuation) for item in items for context in item.contexts]
    answers = scorer.log_likelihoods(
        [Request(context="", continuations=(start + rest,)) for start, rest in sentences]
    )
    full = _pairs([a[0].total for a in answers])
    partial = _pairs(
        [
            a[0].total - _head(scorer, a[0], start)
            for a, (start, _) in zip(answers, sentences, strict=True)
        ]
    )
    labels = [item.label for item in items]
    scores = (
        report.proportion(
            "accuracy", _correct(partial, labels), chance=0.5, protocol="winograd-partial"
        ),
        report.proportion(
            "accuracy-full", _correct(full, labels), chance=0.5, protocol="winograd-full"
        ),
    )
    records = _records(
        report.task, [(i.id, i.continuation, i.contexts, i.label) for i in items], partial
    )
    return TaskResult(scores=scores, records=records)


def _head(scorer: Scorer, likelihood: Likelihood, text: str) -> float:
    """Log-probability of the first tokens of a continuation, as many as spell `text`."""
    needed = len(text.strip().encode())
    spelt = 0
    for count, token in enumerate(likelihood.tokens.tolist(), start=1):
        piece = scorer.encoding.decode_single_token_bytes(token)
        spelt += len(piece.lstrip() if not spelt else piece)
        if spelt >= needed:
            return float(likelihood.log_probs[:count].sum())
    return likelihood.total


def _chance(counts: Sequence[int]) -> float:
    return fmean(1 / n for n in counts)


def _correct(values: Sequence[Sequence[float]], labels: Sequence[int]) -> list[bool]:
    return [argmax(v) == label for v, label in zip(values, labels, strict=True)]


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(values[::2], values[1::2], strict=True))


def _records(
    task: str,
    items: Sequence[tuple[str, str, tuple[str, ...], int]],
    values: Sequence[Sequence[float]],
) -> tuple[ItemRecord, ...]:
    return tuple(
        ItemRecord(
            task=task,
            id=id_,
            prompt=prompt,
            candidates=candidates,
            log_probs=tuple(judged),
            chosen=argmax(judged),
            label=label,
            correct=argmax(judged) == label,
        )
        for (id_, prompt, candidates, label), judged in zip(items, values, strict=True)
    )
