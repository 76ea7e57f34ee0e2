"""The last word of a passage (LAMBADA; GPT-2 sec. 3.3)."""

import math
from collections.abc import Sequence

import numpy as np

from gptpath.zeroshot.baselines import Baselines, constant_answer
from gptpath.zeroshot.items import LastWordItem
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.results import Reporter, TaskResult, candidate_facts
from gptpath.zeroshot.scoring import Scorer


def score_last_word(scorer: Scorer, report: Reporter, items: Sequence[LastWordItem]) -> TaskResult:
    """Accuracy of the whole word and of its last token under greedy decoding; perplexity per word.

    Chance of an accuracy is the best constant answer, the share of the commonest word (or last
    token) among the targets of these very items; that of the perplexity is drawing tokens evenly.
    """
    answers = ask_last_words(scorer, items)
    totals = np.array([[answer.total, 1.0] for answer in answers])
    sizes = [len(answer.tokens) for answer in answers]
    vocabulary = scorer.vocab_size
    measures = (
        # First, as it heads the page: what GPT-2's printed accuracy is in practice.
        report.proportion(
            "last-token-accuracy",
            [bool(answer.greedy[-1]) for answer in answers],
            baselines=_constant([int(a.tokens[-1]) for a in answers], random=1 / vocabulary),
            protocol="last-word-last-token",
        ),
        report.proportion(
            "accuracy",
            [answer.is_greedy for answer in answers],
            baselines=_constant(
                [item.target for item in items],
                random=sum(float(vocabulary) ** -size for size in sizes) / len(sizes),
            ),
            protocol="last-word-whole",
        ),
        report.statistic(
            "perplexity",
            totals,
            "perplexity",
            baselines=Baselines(random=math.exp(math.log(vocabulary) * sum(sizes) / len(sizes))),
            protocol="last-word-perplexity",
        ),
    )
    facts = [
        candidate_facts(item.id, item.context, [item.target], [answer], 0)
        for item, answer in zip(items, answers, strict=True)
    ]
    return report.result(measures, facts)


def ask_last_words(scorer: Scorer, items: Sequence[LastWordItem]) -> list[Likelihood]:
    """What the model says of each target after its context."""
    requests = [Request(context=i.context, continuations=(continuation(i),)) for i in items]
    return [choices[0] for choices in scorer.log_likelihoods(requests)]


def continuation(item: LastWordItem) -> str:
    """The target as it is asked for, with the blank before it where the context has none."""
    return item.target if item.context[-1].isspace() else " " + item.target


def _constant(answers: Sequence[str] | Sequence[int], *, random: float) -> Baselines:
    share = constant_answer(answers)
    return Baselines(random=random, majority=share, chance=share)
