"""Translation by examples (GPT-2 sec. 3.7): lines of `sentence = sentence`, the last one open."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gptpath.zeroshot.answers import bleu_sums
from gptpath.zeroshot.baselines import Baselines
from gptpath.zeroshot.items import MalformedItemError
from gptpath.zeroshot.results import Facts, Reporter, TaskResult
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.statistics import corpus_bleu
from gptpath.zeroshot.summary import sentences

SHOTS = 5
"""Example pairs in the context; the paper does not say how many."""
MAX_NEW_TOKENS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class PairItem:
    """A sentence and its translation."""

    id: str
    source: str
    target: str


def pair_item(row: Mapping[str, Any]) -> PairItem:
    """Row of `source` and `target`."""
    source, target = row["source"].strip(), row["target"].strip()
    if not source or not target:
        raise MalformedItemError("empty side", reason="one side is empty")
    return PairItem(id=row["id"], source=source, target=target)


def draw_examples(pool: Sequence[PairItem], seed: int) -> list[PairItem]:
    """The example pairs, the same ones for every item."""
    return random.Random(seed).sample(list(pool), min(SHOTS, len(pool) - 1))


def score_translations(
    scorer: Scorer,
    report: Reporter,
    items: Sequence[PairItem],
    examples: Sequence[PairItem],
) -> TaskResult:
    """Corpus BLEU of the first generated sentence, greedy.

    `random` is what the translation of another item scores, `majority` is the source copied.
    """
    header = "".join(f"{pair.source} = {pair.target}\n" for pair in examples)
    prompts = [f"{header}{item.source} =" for item in items]
    texts = [
        next(iter(sentences(text)), "")
        for text in scorer.generate(
            prompts, max_new_tokens=MAX_NEW_TOKENS, top_k=1, seed=0, stop=("\n",)
        )
    ]
    references = [(item.target,) for item in items]
    sums = bleu_sums(texts, references)
    copied = bleu_sums([item.source for item in items], references)
    others = bleu_sums([items[n - 1].target for n in range(len(items))], references)
    measures = [
        report.statistic(
            "bleu",
            sums,
            "corpus-bleu",
            baselines=Baselines(
                random=float(corpus_bleu(others.sum(0))),
                majority=float(corpus_bleu(copied.sum(0))),
            ),
            protocol="translation-bleu",
        ),
        report.statistic(
            "bleu-copied-source", copied, "corpus-bleu", protocol="translation-copied-source"
        ),
    ]
    facts = [
        Facts(id=item.id, prompt=prompt, candidates=(text,), references=(item.target,))
        for item, prompt, text in zip(items, prompts, texts, strict=True)
    ]
    return report.result(measures, facts)
