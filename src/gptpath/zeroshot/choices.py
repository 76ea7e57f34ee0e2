"""Which of several texts is true: cloze (CBT), true continuation, Winograd schemas."""

from collections.abc import Sequence
from typing import TypeVar

from gptpath.zeroshot.items import ChoiceItem, ClozeItem, SchemaItem
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.results import Reporter, TaskResult, candidate_facts
from gptpath.zeroshot.scoring import Scorer

T = TypeVar("T")


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
        [
            opening(scorer, likelihood, choice)[0]
            for likelihood, choice in zip(a, i.choices, strict=True)
        ]
        for a, i in zip(answers, items, strict=True)
    ]
    labels = [item.label for item in items]
    measures = (
        report.choice("accuracy", totals, labels, protocol="cloze-rest-of-sentence"),
        report.choice("accuracy-candidate-only", words, labels, protocol="cloze-candidate-only"),
    )
    facts = [
        candidate_facts(i.id, i.before, [c + i.after for c in i.choices], a, i.label)
        for i, a in zip(items, answers, strict=True)
    ]
    return report.result(measures, facts)


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
    measures = (
        report.choice("accuracy", means, labels, protocol="continuation-mean"),
        report.choice("accuracy-sum", totals, labels, protocol="continuation-sum"),
        report.choice("accuracy-gain", gains, labels, protocol="continuation-gain"),
    )
    facts = [
        candidate_facts(i.id, i.context, i.choices, a, i.label)
        for i, a in zip(items, answers, strict=True)
    ]
    return report.result(measures, facts)


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
            a[0].total - opening(scorer, a[0], start)[0]
            for a, (start, _) in zip(answers, sentences, strict=True)
        ]
    )
    labels = [item.label for item in items]
    measures = (
        report.choice("accuracy", partial, labels, protocol="winograd-partial"),
        report.choice("accuracy-full", full, labels, protocol="winograd-full"),
    )
    facts = [
        candidate_facts(i.id, i.continuation, i.contexts, pair, i.label)
        for i, pair in zip(items, _pairs([a[0] for a in answers]), strict=True)
    ]
    return report.result(measures, facts)


def opening(scorer: Scorer, likelihood: Likelihood, text: str) -> tuple[float, int]:
    """Log-probability and number of the first tokens of a continuation that spell `text`.

    As the encoding spells it: GPT-1's makes one byte of a dash or a curly quote of three.
    """
    encoding = scorer.encoding
    needed = len(_inked(encoding.decode(encoding.encode_ordinary(text)).encode()))
    spelt = 0
    for count, token in enumerate(likelihood.tokens.tolist(), start=1):
        spelt += len(_inked(encoding.decode_single_token_bytes(token)))
        if spelt >= needed:
            return float(likelihood.log_probs[:count].sum()), count
    return likelihood.total, len(likelihood.tokens)


def _inked(text: bytes) -> bytes:
    """A text without its blanks: GPT-1's tokens bring theirs at the end, GPT-2's at the start."""
    return b"".join(text.split())


def _pairs(values: Sequence[T]) -> list[tuple[T, T]]:
    return list(zip(values[::2], values[1::2], strict=True))
