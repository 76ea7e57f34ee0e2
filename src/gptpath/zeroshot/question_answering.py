"""Answers in the model's own words: CoQA (GPT-2 sec. 3.5), Natural Questions (sec. 3.8)."""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gptpath.zeroshot.answers import best_f1, coqa_score, exact_match, normalise
from gptpath.zeroshot.baselines import Baselines
from gptpath.zeroshot.items import MalformedItemError
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.results import Facts, Measure, Reporter, TaskResult
from gptpath.zeroshot.scoring import Scorer

ANSWER_TOKENS = 32
SHOTS = 5
"""Solved questions before each one of Natural Questions; the paper does not say how many."""
CONFIDENT = (0.01, 0.05, 0.1, 0.25, 0.5)
"""Shares of the most confident answers whose accuracy is told; the paper tells that of 1 %."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionItem:
    """A question as the model sees it, and its right answers."""

    id: str
    prompt: str
    question: str
    answers: tuple[str, ...]
    group: str = ""
    """Domain of a CoQA story."""


def conversation_item(row: Mapping[str, Any]) -> QuestionItem:
    """Row of benchmarks.coqa: the story, the conversation so far, the question, `A:`."""
    if not row.get("story") or not row.get("question") or not all(row.get("answers") or [""]):
        raise MalformedItemError("no story", reason="story, question or answer is missing")
    turns = "".join(f"Q: {question}\nA: {answer}\n" for question, answer in row["history"])
    return QuestionItem(
        id=row["id"],
        prompt=f"{row['story'].strip()}\n\n{turns}Q: {row['question']}\nA:",
        question=row["question"],
        answers=tuple(row["answers"]),
        group=row["source"],
    )


def open_question_item(row: Mapping[str, Any]) -> QuestionItem:
    """Row of NQ-open: `question` and `answer`, a list."""
    question, answers = row.get("question"), row.get("answer")
    if not isinstance(question, str) or not question.strip():
        raise MalformedItemError("no question", reason="question is no text")
    if not isinstance(answers, list) or not answers or not all(map(str.strip, map(str, answers))):
        raise MalformedItemError("no answer", reason="answer is no list of texts")
    prompt = f"Q: {question.strip().rstrip('?')}?\nA:"
    return QuestionItem(
        id=row["id"], prompt=prompt, question=question, answers=tuple(map(str, answers))
    )


def with_examples(
    items: Sequence[QuestionItem], pool: Sequence[QuestionItem], *, apart: bool, seed: int
) -> list[QuestionItem]:
    """The items after SHOTS solved questions; unless `apart`, the drawn ones are left out."""
    drawn = random.Random(seed).sample(list(pool), min(SHOTS, len(pool) - 1))
    header = "".join(f"{item.prompt} {item.answers[0]}\n\n" for item in drawn)
    used = set() if apart else {item.id for item in drawn}
    return [replace(item, prompt=header + item.prompt) for item in items if item.id not in used]


def score_conversations(
    scorer: Scorer, report: Reporter, items: Sequence[QuestionItem]
) -> TaskResult:
    """F1 and exact match by CoQA's official normalisation, overall and by domain."""
    texts = _write(scorer, items)
    f1s = [coqa_score(t, i.answers, best_f1) for t, i in zip(texts, items, strict=True)]
    exact = [coqa_score(t, i.answers, exact_match) for t, i in zip(texts, items, strict=True)]
    constant = _commonest(items)
    blind = Baselines(
        random=0.0,
        majority=_mean(coqa_score(constant, item.answers, best_f1) for item in items),
    )
    measures = [
        report.mean("f1", f1s, baselines=blind, protocol="coqa-f1"),
        report.mean("exact-match", exact, protocol="coqa-exact-match"),
    ]
    for group in sorted({item.group for item in items} - {""}):
        inside = np.array([float(item.group == group) for item in items])
        sums = np.stack([inside * f1s, inside], axis=1)
        measures.append(report.statistic(f"f1-{group}", sums, "ratio", protocol="coqa-f1"))
    return report.result(measures, _facts(items, texts))


def score_open_questions(
    scorer: Scorer, report: Reporter, items: Sequence[QuestionItem]
) -> TaskResult:
    """Exact match, and that of the most confident answers.

    Confidence is the probability of the whole answer as it was written.
    """
    texts = _write(scorer, items)
    asked = [n for n, text in enumerate(texts) if text]
    scored = scorer.log_likelihoods(
        [Request(context=items[n].prompt, continuations=(f" {texts[n]}",)) for n in asked]
    )
    log_probs = [-math.inf] * len(items)
    counts = [0] * len(items)
    for n, (answer,) in zip(asked, scored, strict=True):
        log_probs[n], counts[n] = answer.total, len(answer.tokens)
    right = [exact_match(t, i.answers) for t, i in zip(texts, items, strict=True)]
    constant = _commonest(items)
    majority = _mean(exact_match(constant, item.answers) for item in items)
    measures: list[Measure] = [
        report.proportion(
            "exact-match",
            [hit > 0 for hit in right],
            baselines=Baselines(random=0.0, majority=majority, chance=majority),
            protocol="open-questions-exact-match",
        )
    ]
    order = sorted(range(len(items)), key=lambda n: (-log_probs[n], n))
    for share in CONFIDENT:
        kept = set(order[: max(1, round(share * len(items)))])
        inside = np.array([float(n in kept) for n in range(len(items))])
        measures.append(
            report.share(
                f"exact-match-of-{share:.0%}".replace("%", "-percent"),
                np.stack([inside * right, inside], axis=1),
                protocol="open-questions-by-confidence",
            )
        )
    return report.result(measures, _facts(items, texts, log_probs, counts))


def _write(scorer: Scorer, items: Sequence[QuestionItem]) -> list[str]:
    """Greedy answers up to the end of the line; of a long prompt the last tokens are kept."""
    room = max(1, scorer.context_length - ANSWER_TOKENS)
    prompts: list[str] = []
    for item in items:
        ids = scorer.encoding.encode_ordinary(item.prompt)
        kept = scorer.encoding.decode(ids[-room:], errors="ignore")
        prompts.append(item.prompt if len(ids) <= room else kept)
    texts = scorer.generate(prompts, max_new_tokens=ANSWER_TOKENS, top_k=1, seed=0, stop=("\n",))
    return [" ".join(text.split()) for text in texts]


def _facts(
    items: Sequence[QuestionItem],
    texts: Sequence[str],
    log_probs: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
) -> list[Facts]:
    return [
        Facts(
            id=item.id,
            prompt=item.prompt,
            candidates=(texts[n],),
            references=item.answers,
            log_probs=(log_probs[n],) if log_probs and texts[n] else (),
            token_counts=(counts[n],) if counts and texts[n] else (),
        )
        for n, item in enumerate(items)
    ]


def _commonest(items: Sequence[QuestionItem]) -> str:
    """The best constant answer: the one that is right most often, as it is normalised."""
    counts = Counter(a for item in items for a in {normalise(each) for each in item.answers})
    return min(counts, key=lambda answer: (-counts[answer], answer))


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))
