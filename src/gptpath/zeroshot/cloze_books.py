"""The Children's Book Test's protocol (GPT-2 sec. 3.2), in two spellings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gptpath.zeroshot.benchmarks.cbt import GAP
from gptpath.zeroshot.choices import opening
from gptpath.zeroshot.detokenizers.treebank import PLAIN
from gptpath.zeroshot.items import MalformedItemError
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.results import Measure, Reporter, TaskResult, candidate_facts
from gptpath.zeroshot.scoring import Scorer


@dataclass(frozen=True, kw_only=True, slots=True)
class BookItem:
    """Sentences of a book, then one with a gap, in the published spelling."""

    id: str
    context: str
    before: str
    """Of the last sentence, up to the gap; may be empty."""
    after: str
    options: tuple[str, ...]
    label: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FilledItem:
    """An item with each candidate in its gap, in one spelling."""

    context: str
    """What all candidates share, up to the last blank before the gap."""
    rests: tuple[str, ...]
    """The rest of the sentence from there on, the candidate first."""
    openings: tuple[str, ...]
    """The candidate alone, with whatever stands between it and the blank."""


def book_item(row: Mapping[str, Any]) -> BookItem:
    """Row of `sentences`, `question`, `answer`, `options` (benchmarks.cbt)."""
    sentences, question = row.get("sentences"), row.get("question")
    options, answer = row.get("options"), row.get("answer")
    if not isinstance(sentences, list) or not isinstance(question, str):
        raise MalformedItemError("no sentences", reason="not 20 sentences and a question")
    if question.count(GAP) != 1:
        raise MalformedItemError(f"{question!r}", reason="question has not one gap")
    if not isinstance(options, list) or len(set(options)) != len(options) or len(options) < 2:
        raise MalformedItemError(f"{options!r}", reason="options are not two or more that differ")
    if answer not in options:
        raise MalformedItemError(f"{answer!r}", reason="answer is no option")
    before, _, after = question.partition(GAP)
    return BookItem(
        id=str(row["id"]),
        context=" ".join(sentences),
        before=before,
        after=after,
        options=tuple(options),
        label=options.index(answer),
    )


def fill(item: BookItem, respell: Callable[[str], str]) -> FilledItem:
    """Put each candidate into the gap and respell the sentence."""
    filled = [respell(f"{item.before}{option}{item.after}") for option in item.options]
    upto = [respell(f"{item.before}{option}") for option in item.options]
    gap = min(len(_shared([a, b])) for a, b in zip(filled, upto, strict=True))
    cut = max(0, filled[0].rfind(" ", 0, min(gap, len(_shared(filled))) + 1))
    blank = "" if cut else " "  # the sentence itself begins with the candidate
    context = respell(item.context)
    return FilledItem(
        context=f"{context} {filled[0][:cut]}" if cut else context,
        rests=tuple(blank + text[cut:] for text in filled),
        openings=tuple(blank + _shared([a, b])[cut:] for a, b in zip(filled, upto, strict=True)),
    )


def _shared(texts: Sequence[str]) -> str:
    """What all of them begin with."""
    length = 0
    for letters in zip(*texts, strict=False):
        if len(set(letters)) > 1:
            break
        length += 1
    return texts[0][:length]


def score_books(scorer: Scorer, report: Reporter, items: Sequence[BookItem]) -> TaskResult:
    """The candidate and the rest of its sentence, highest wins; the candidate alone beside it.

    De-tokenised, as the paper has it, and as published.
    """
    labels = [item.label for item in items]
    measures: list[Measure] = []
    facts = []
    for suffix, respell in (("", PLAIN.detokenize), ("-raw", str)):
        filled = [fill(item, respell) for item in items]
        answers = scorer.log_likelihoods(
            [Request(context=each.context, continuations=each.rests) for each in filled]
        )
        totals = [[answer.total for answer in of_item] for of_item in answers]
        openings = [_openings(scorer, each, a) for each, a in zip(filled, answers, strict=True)]
        measures += [
            report.choice(f"accuracy{suffix}", totals, labels, protocol="cloze-rest-of-sentence"),
            report.choice(
                f"accuracy-candidate-only{suffix}",
                openings,
                labels,
                protocol="cloze-candidate-only",
            ),
        ]
        if not suffix:
            facts = [
                candidate_facts(item.id, each.context, each.rests, of_item, item.label)
                for item, each, of_item in zip(items, filled, answers, strict=True)
            ]
    return report.result(measures, facts)


def _openings(scorer: Scorer, filled: FilledItem, answers: Sequence[Likelihood]) -> list[float]:
    return [
        opening(scorer, answer, candidate)[0]
        for answer, candidate in zip(answers, filled.openings, strict=True)
    ]
