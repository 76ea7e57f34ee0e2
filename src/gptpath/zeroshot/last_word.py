"""The last word of a passage (LAMBADA; GPT-2 sec. 3.3)."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gptpath.zeroshot.baselines import Baselines, constant_answer
from gptpath.zeroshot.detokenizers.treebank import PLAIN
from gptpath.zeroshot.items import LastWordItem
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.results import Facts, Measure, Reporter, TaskResult, candidate_facts
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.stop_words import barred_tokens


def score_last_word(scorer: Scorer, report: Reporter, items: Sequence[LastWordItem]) -> TaskResult:
    """Accuracy of the whole word and of its last token under greedy decoding; perplexity per word.

    Chance of an accuracy is the best constant answer, the share of the commonest word (or last
    token) among the targets of these very items; that of the perplexity is drawing tokens evenly.
    """
    answers = ask_last_words(scorer, items)
    measures = last_word_measures(scorer, report, items, answers)
    return report.result(measures, last_word_facts(items, answers))


def score_lambada(scorer: Scorer, report: Reporter, items: Sequence[LastWordItem]) -> TaskResult:
    """As `score_last_word`, and the whole word where function words are no answer.

    Then the first token of the answer is the most probable of those that do not spell a whole
    word of the list by themselves.
    """
    answers = ask_last_words(scorer, items)
    first, *rest = last_word_measures(scorer, report, items, answers)
    filtered = report.proportion(
        "accuracy-stop-words",
        _right_but_for_stop_words(scorer, items, answers),
        baselines=_whole_word_baselines(scorer, items, answers),
        protocol="last-word-whole-stop-words",
    )
    return report.result([first, filtered, *rest], last_word_facts(items, answers))


def detokenized(items: Sequence[LastWordItem]) -> list[LastWordItem]:
    """Passages of the original release as running text; one whose last word changes stays."""
    texts = [PLAIN.detokenize(item.context + item.target) for item in items]
    return [
        replace(i, context=text.removesuffix(i.target))
        if text.endswith(i.target) and text != i.target
        else i
        for i, text in zip(items, texts, strict=True)
    ]


def score_lambada_plain(
    scorer: Scorer,
    report: Reporter,
    items: Sequence[LastWordItem],
    joined: Sequence[LastWordItem],
) -> TaskResult:
    """The original release, lower-cased and tokenised: as published, and de-tokenised."""
    measures: list[Measure] = []
    raw, running = ask_last_words(scorer, items), ask_last_words(scorer, joined)
    for suffix, of_items, answers in (("-detokenized", joined, running), ("-raw", items, raw)):
        measures += last_word_measures(scorer, report, of_items, answers, suffix)
    return report.result(measures, last_word_facts(joined, running))


def last_word_measures(
    scorer: Scorer,
    report: Reporter,
    items: Sequence[LastWordItem],
    answers: Sequence[Likelihood],
    suffix: str = "",
) -> list[Measure]:
    """Last token (first, as it heads the page: what GPT-2's printed accuracy is), word, perplexity.

    `suffix` tells spellings of the same items apart.
    """
    sizes = [len(answer.tokens) for answer in answers]
    even = math.log(scorer.vocab_size) * sum(sizes) / len(sizes)
    return [
        report.proportion(
            f"last-token-accuracy{suffix}",
            [bool(answer.greedy[-1]) for answer in answers],
            baselines=_constant([int(a.tokens[-1]) for a in answers], random=1 / scorer.vocab_size),
            protocol="last-word-last-token",
        ),
        report.proportion(
            f"accuracy{suffix}",
            [answer.is_greedy for answer in answers],
            baselines=_whole_word_baselines(scorer, items, answers),
            protocol="last-word-whole",
        ),
        report.statistic(
            f"perplexity{suffix}",
            np.array([[answer.total, 1.0] for answer in answers]),
            "perplexity",
            baselines=Baselines(random=math.exp(even)),
            protocol="last-word-perplexity",
        ),
    ]


def last_word_facts(items: Sequence[LastWordItem], answers: Sequence[Likelihood]) -> list[Facts]:
    """Every item with its one candidate, the target."""
    return [
        candidate_facts(item.id, item.context, [item.target], [answer], 0)
        for item, answer in zip(items, answers, strict=True)
    ]


def _right_but_for_stop_words(
    scorer: Scorer, items: Sequence[LastWordItem], answers: Sequence[Likelihood]
) -> list[bool]:
    """Only items whose first token alone is not greedy have to be asked again."""
    barred = barred_tokens(scorer.encoding)
    again = [n for n, a in enumerate(answers) if not a.greedy[0] and a.greedy[1:].all()]
    asked = scorer.log_likelihoods(
        [
            Request(
                context=items[n].context, continuations=(continuation(items[n]),), barred=barred
            )
            for n in again
        ]
    )
    right = [a.is_greedy and int(a.tokens[0]) not in barred for a in answers]
    for n, (answer,) in zip(again, asked, strict=True):
        right[n] = answer.is_greedy
    return right


def ask_last_words(scorer: Scorer, items: Sequence[LastWordItem]) -> list[Likelihood]:
    """What the model says of each target after its context."""
    requests = [Request(context=i.context, continuations=(continuation(i),)) for i in items]
    return [choices[0] for choices in scorer.log_likelihoods(requests)]


def continuation(item: LastWordItem) -> str:
    """The target as it is asked for, with the blank before it where the context has none."""
    return item.target if item.context[-1].isspace() else " " + item.target


def _whole_word_baselines(
    scorer: Scorer, items: Sequence[LastWordItem], answers: Sequence[Likelihood]
) -> Baselines:
    drawn = [float(scorer.vocab_size) ** -len(answer.tokens) for answer in answers]
    return _constant([item.target for item in items], random=sum(drawn) / len(drawn))


def _constant(answers: Sequence[str] | Sequence[int], *, random: float) -> Baselines:
    share = constant_answer(answers)
    return Baselines(random=random, majority=share, chance=share)
