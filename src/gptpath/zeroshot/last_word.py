"""The last word of a passage (LAMBADA; GPT-2 sec. 3.3)."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from gptpath.zeroshot.items import LastWordItem
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.results import ItemRecord, Reporter, TaskResult, perplexity
from gptpath.zeroshot.scoring import Scorer


def score_last_word(scorer: Scorer, report: Reporter, items: Sequence[LastWordItem]) -> TaskResult:
    """Accuracy of the whole word and of its last token under greedy decoding; perplexity per word.

    Chance of an accuracy is the best constant answer, the share of the commonest word (or last
    token) among the targets of these very items; that of the perplexity is drawing tokens evenly.
    """
    answers = [
        choices[0]
        for choices in scorer.log_likelihoods(
            [Request(context=i.context, continuations=(_continuation(i),)) for i in items]
        )
    ]
    whole = [answer.is_greedy for answer in answers]
    last = [bool(answer.greedy[-1]) for answer in answers]
    totals = np.array([[answer.total, 1.0] for answer in answers])
    sizes = [len(answer.tokens) for answer in answers]
    even = math.log(scorer.vocab_size) * sum(sizes) / len(sizes)
    scores = (
        # First, as it heads the page: what GPT-2's printed accuracy is in practice.
        report.proportion(
            "last-token-accuracy",
            last,
            chance=_constant_answer([int(answer.tokens[-1]) for answer in answers]),
            protocol="last-word-last-token",
        ),
        report.proportion(
            "accuracy",
            whole,
            chance=_constant_answer([item.target for item in items]),
            protocol="last-word-whole",
        ),
        report.statistic(
            "perplexity",
            totals,
            perplexity,
            chance=math.exp(even),
            protocol="last-word-perplexity",
        ),
    )
    records = tuple(
        ItemRecord(
            task=report.task,
            id=item.id,
            prompt=item.context,
            candidates=(item.target,),
            log_probs=(answer.total,),
            chosen=None,
            label=0,
            correct=answer.is_greedy,
        )
        for item, answer in zip(items, answers, strict=True)
    )
    return TaskResult(scores=scores, records=records)


def _continuation(item: LastWordItem) -> str:
    return item.target if item.context[-1].isspace() else " " + item.target


def _constant_answer(answers: Sequence[str] | Sequence[int]) -> float:
    return max(Counter(answers).values()) / len(answers)
