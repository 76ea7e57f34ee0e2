"""Scores of prompt tasks: the likeliest of several candidates, or generated text."""

from collections.abc import Sequence

from gptpath.config.prompts import PromptTask
from gptpath.zeroshot.answers import METRIC_VALUES, bleu_sums
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.prompt_items import PromptItem
from gptpath.zeroshot.results import (
    Facts,
    Measure,
    Reporter,
    TaskResult,
    candidate_facts,
)
from gptpath.zeroshot.scoring import Scorer


def score_prompts(
    scorer: Scorer, report: Reporter, items: Sequence[PromptItem], task: PromptTask
) -> TaskResult:
    """Put every item as its text, and judge as the task says."""
    if task.score == "generation":
        return _generated(scorer, report, items, task)
    answers = ask_candidates(scorer, items, task.delimiter)
    labels = [item.label or 0 for item in items]
    sums = [[answer.total for answer in of_item] for of_item in answers]
    by_character = [
        [answer.total / len(text) for answer, text in zip(of_item, item.candidates, strict=True)]
        for of_item, item in zip(answers, items, strict=True)
    ]
    measures = [report.choice("accuracy", sums, labels, protocol="prompt-choice-sum")]
    if isinstance(task.prompt, str):  # else all candidates go on with the same text
        measures.append(
            report.choice(
                "accuracy-norm", by_character, labels, protocol="prompt-choice-per-character"
            )
        )
    facts = [
        candidate_facts(item.id, item.contexts[0], shown(item), of_item, item.label)
        for item, of_item in zip(items, answers, strict=True)
    ]
    return report.result(measures, facts)


def ask_candidates(
    scorer: Scorer, items: Sequence[PromptItem], delimiter: str
) -> list[list[Likelihood]]:
    """Each item's candidates, in one request where they share their context."""
    requests: list[Request] = []
    for item in items:
        texts = tuple(delimiter + text for text in item.candidates)
        if len(item.contexts) == 1:
            requests.append(Request(context=item.contexts[0], continuations=texts))
        else:
            requests += [
                Request(context=context, continuations=(text,))
                for context, text in zip(item.contexts, texts, strict=True)
            ]
    answered = iter(scorer.log_likelihoods(requests))
    return [
        next(answered) if len(item.contexts) == 1 else [next(answered)[0] for _ in item.contexts]
        for item in items
    ]


def shown(item: PromptItem) -> tuple[str, ...]:
    """Candidates as an item record shows them: those that differ."""
    return item.candidates if len(item.contexts) == 1 else item.contexts


def _generated(
    scorer: Scorer, report: Reporter, items: Sequence[PromptItem], task: PromptTask
) -> TaskResult:
    texts = scorer.generate(
        [item.contexts[0] for item in items],
        max_new_tokens=task.max_new_tokens,
        top_k=1,
        seed=0,
        stop=task.stop,
    )
    texts = [text.strip() for text in texts]
    references = [item.references for item in items]
    measures: list[Measure] = []
    for metric in task.metrics:
        if metric == "bleu":
            sums = bleu_sums(texts, references)
            measures.append(report.statistic("bleu", sums, "corpus-bleu", protocol="prompt-bleu"))
            continue
        for name, values in METRIC_VALUES[metric](texts, references).items():
            measures.append(report.mean(name, values, protocol=f"prompt-{metric}"))
    facts = [
        Facts(id=i.id, prompt=i.contexts[0], candidates=(text,), references=i.references)
        for i, text in zip(items, texts, strict=True)
    ]
    return report.result(measures, facts)
