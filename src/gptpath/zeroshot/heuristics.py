"""GPT-1's zero-shot heuristics (GPT-1 sec. 5): CoLA, SST-2, RACE, DPRD."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gptpath.zeroshot.acceptability import best_threshold
from gptpath.zeroshot.baselines import Baselines
from gptpath.zeroshot.choices import opening
from gptpath.zeroshot.items import ChoiceItem, MalformedItemError, SchemaItem
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.results import Reporter, TaskResult, candidate_facts
from gptpath.zeroshot.scoring import Scorer


@dataclass(frozen=True, kw_only=True, slots=True)
class SentenceItem:
    """A sentence with a label of 0 or 1."""

    id: str
    text: str
    label: int


def sentence_item(row: Mapping[str, Any]) -> SentenceItem:
    """Row with `text` or `sentence`, and `label` 0 or 1 (a number or its digit)."""
    text = row.get("text", row.get("sentence"))
    if not isinstance(text, str) or not text.strip():
        raise MalformedItemError("no text", reason="sentence is no text")
    if str(row.get("label")) not in ("0", "1"):
        raise MalformedItemError(f"{row.get('label')!r}", reason="label is neither 0 nor 1")
    return SentenceItem(id=str(row["id"]), text=text.strip(), label=int(row["label"]))


def race_item(row: Mapping[str, Any]) -> ChoiceItem:
    """Row of `article`, `question`, `options`, `answer` (A to D)."""
    article, question = row.get("article"), row.get("question")
    options: Any = row.get("options")
    if not isinstance(article, str) or not isinstance(question, str):
        raise MalformedItemError("no text", reason="article or question is no text")
    texts = isinstance(options, list) and all(isinstance(o, str) and o.strip() for o in options)
    if not texts or len(options) < 2:
        raise MalformedItemError(f"{options!r}", reason="options are not two or more texts")
    answer = row.get("answer")
    letters = "ABCDEFGH"[: len(options)]
    if not isinstance(answer, str) or len(answer) != 1 or answer not in letters:
        raise MalformedItemError(f"{answer!r}", reason="answer is no letter of an option")
    return ChoiceItem(
        id=str(row["id"]),
        context=f"{article.strip()}\n{question.strip()}",
        choices=tuple(" " + option.strip() for option in options),
        label=letters.index(answer),
    )


def pronoun_item(row: Mapping[str, Any]) -> SchemaItem:
    """Row of `sentence`, `pronoun`, `candidates` (2), `answer`: both put in for the pronoun.

    The pronoun's last occurrence counts, which stands in the second clause. Articles keep their
    case only where the pronoun starts the sentence; possessive pronouns give `'s`.
    """
    sentence, pronoun = row.get("sentence"), row.get("pronoun")
    candidates, answer = row.get("candidates"), row.get("answer")
    if not isinstance(sentence, str) or not isinstance(pronoun, str):
        raise MalformedItemError("no block", reason="block has not four lines")
    if not isinstance(candidates, list) or len(candidates) != 2 or not all(candidates):
        raise MalformedItemError(f"{candidates!r}", reason="not two candidates")
    names = [name.lower() for name in candidates]
    if not isinstance(answer, str) or names.count(answer.lower()) != 1:
        raise MalformedItemError(f"{answer!r}", reason="answer is not one of the candidates")
    places = list(re.finditer(rf"\b{re.escape(pronoun)}\b", sentence, re.IGNORECASE))
    if not pronoun or not places:
        raise MalformedItemError(f"{pronoun!r}", reason="pronoun is not in the sentence")
    before, after = sentence[: places[-1].start()], sentence[places[-1].end() :]
    if not after.strip():
        raise MalformedItemError(f"{sentence!r}", reason="nothing follows the pronoun")
    ending = "'s" if pronoun.lower() in ("his", "its", "their") else ""
    first, second = (before + _placed(name, before) + ending for name in candidates)
    return SchemaItem(
        id=str(row["id"]),
        contexts=(first, second),
        continuation=after,
        label=names.index(answer.lower()),
    )


def score_cola(
    scorer: Scorer, report: Reporter, tuning: Sequence[SentenceItem], test: Sequence[SentenceItem]
) -> TaskResult:
    """Acceptable if the mean token log-probability lies above a threshold tuned on `tuning`."""
    threshold = best_threshold(
        np.array([a.mean for a in _ask_sentences(scorer, tuning)]),
        np.array([item.label == 1 for item in tuning]),
    )
    answers = _ask_sentences(scorer, test)
    called = [answer.mean > threshold for answer in answers]
    truth = [item.label == 1 for item in test]
    cells = np.array(
        [
            (c and t, c and not t, not c and t, not c and not t)
            for c, t in zip(called, truth, strict=True)
        ],
        dtype=np.float64,
    )
    share = sum(truth) / len(truth)
    margins = [[answer.mean - threshold] for answer in answers]
    measures = (
        report.statistic(
            "mcc",
            cells,
            "matthews",
            baselines=Baselines(random=0.0, majority=0.0),
            protocol="cola-threshold-mcc",
            judged=margins,
        ),
        report.statistic(
            "accuracy",
            cells,
            "confusion-accuracy",
            baselines=Baselines(random=0.5, majority=max(share, 1 - share)),
            protocol="cola-threshold-accuracy",
            judged=margins,
        ),
    )
    facts = [
        candidate_facts(item.id, "", [item.text], [answer], item.label)
        for item, answer in zip(test, answers, strict=True)
    ]
    return report.result(measures, facts)


def score_sentiment(scorer: Scorer, report: Reporter, items: Sequence[SentenceItem]) -> TaskResult:
    """Positive or negative after the sentence and the word `very`, by those two words alone."""
    words = (" negative", " positive")
    contexts = [f"{item.text} very" for item in items]
    answers = scorer.log_likelihoods(
        [Request(context=context, continuations=words) for context in contexts]
    )
    totals = [[answer.total for answer in of_item] for of_item in answers]
    labels = [item.label for item in items]
    measure = report.choice("accuracy", totals, labels, protocol="sst2-very")
    facts = [
        candidate_facts(item.id, context, words, of_item, item.label)
        for item, context, of_item in zip(items, contexts, answers, strict=True)
    ]
    return report.result([measure], facts)


def score_race(scorer: Scorer, report: Reporter, items: Sequence[ChoiceItem]) -> TaskResult:
    """The answer of highest mean token log-probability after document and question."""
    answers = scorer.log_likelihoods(
        [Request(context=i.context, continuations=i.choices) for i in items]
    )
    means = [[answer.mean for answer in of_item] for of_item in answers]
    labels = [item.label for item in items]
    measure = report.choice("accuracy", means, labels, protocol="race-mean")
    facts = [
        candidate_facts(i.id, i.context, i.choices, of_item, i.label)
        for i, of_item in zip(items, answers, strict=True)
    ]
    return report.result([measure], facts)


def score_pronouns(scorer: Scorer, report: Reporter, items: Sequence[SchemaItem]) -> TaskResult:
    """The referent after which the rest of the sentence has the higher mean log-probability."""
    sentences = [context + item.continuation for item in items for context in item.contexts]
    answers = [
        found
        for (found,) in scorer.log_likelihoods(
            [Request(context="", continuations=(sentence,)) for sentence in sentences]
        )
    ]
    starts = [context for item in items for context in item.contexts]
    rests = [_rest_mean(scorer, a, start) for a, start in zip(answers, starts, strict=True)]
    pairs = list(zip(rests[::2], rests[1::2], strict=True))
    labels = [item.label for item in items]
    measure = report.choice("accuracy", pairs, labels, protocol="dprd-rest-mean")
    facts = [
        candidate_facts(i.id, i.continuation, i.contexts, answers[2 * n : 2 * n + 2], i.label)
        for n, i in enumerate(items)
    ]
    return report.result([measure], facts)


def _rest_mean(scorer: Scorer, answer: Likelihood, start: str) -> float:
    """Mean log-probability of the tokens after those that spell `start`."""
    total, count = opening(scorer, answer, start)
    rest = len(answer.tokens) - count
    return (answer.total - total) / rest if rest else answer.total


def _ask_sentences(scorer: Scorer, items: Sequence[SentenceItem]) -> list[Likelihood]:
    requests = [Request(context="", continuations=(item.text,)) for item in items]
    return [found for (found,) in scorer.log_likelihoods(requests)]


def _placed(name: str, before: str) -> str:
    first, _, rest = name.partition(" ")
    if before.strip() and before.rstrip()[-1] not in ".!?" and first in ("The", "A", "An"):
        return f"{first.lower()} {rest}"
    return name
