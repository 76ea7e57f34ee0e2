"""Summaries asked for by `TL;DR:` (GPT-2 sec. 3.6), measured by ROUGE beside simple baselines."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gptpath.zeroshot.items import SummaryItem
from gptpath.zeroshot.results import ItemRecord, Reporter, Score, TaskResult
from gptpath.zeroshot.scoring import Scorer

HINT = "\nTL;DR:"
ROUGE_TYPES = {"rouge1": "rouge-1", "rouge2": "rouge-2", "rougeL": "rouge-l"}
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class SummarySettings:
    """How summaries are written."""

    max_new_tokens: int
    top_k: int
    seed: int
    sentences: int = 1
    """Sentences kept: 1, since our authors' own summaries are one line (GPT-2 keeps 3 of 100
    tokens for CNN/Daily Mail, whose reference summaries have about three)."""


def score_summaries(
    scorer: Scorer, report: Reporter, items: Sequence[SummaryItem], settings: SummarySettings
) -> TaskResult:
    """ROUGE F1 of generated summaries, without the hint, of the first and of a random sentence.

    The article is cut at its end so that hint and summary fit into the context. `chance` of the
    generated ones is what the random sentence scores.
    """
    written = {
        suffix: _write(scorer, items, settings, hint)
        for suffix, hint in {"": HINT, "-no-hint": ""}.items()
    }
    pick = random.Random(settings.seed)
    written["-lead"] = [_first(item.article, settings.sentences) for item in items]
    written["-random"] = [_random(item.article, settings.sentences, pick) for item in items]
    references = [item.summary for item in items]
    measured = {suffix: rouge(references, texts) for suffix, texts in written.items()}
    scores: list[Score] = []
    for name in ROUGE_TYPES.values():
        chance = sum(measured["-random"][name]) / len(items)
        for suffix, values in measured.items():
            scores.append(
                report.mean(
                    name + suffix, values[name], chance=chance, protocol=f"tldr-rouge{suffix}"
                )
            )
    records = tuple(
        ItemRecord(
            task=report.task,
            id=item.id,
            prompt=item.article,
            candidates=(text,),
            log_probs=(),
            chosen=None,
            label=None,
            correct=None,
        )
        for item, text in zip(items, written[""], strict=True)
    )
    return TaskResult(scores=tuple(scores), records=records)


def sentences(text: str) -> list[str]:
    """Sentences of a text: cut after . ! ? before whitespace, and at blank lines."""
    pieces = (" ".join(piece.split()) for piece in SENTENCE_END.split(text))
    return [piece for piece in pieces if piece]


def rouge(references: Sequence[str], texts: Sequence[str]) -> dict[str, list[float]]:
    """F1 of ROUGE-1, -2 and -L (whole text) per item, by the rouge-score package with stemming."""
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import DefaultTokenizer

    scorer = RougeScorer(list(ROUGE_TYPES), tokenizer=DefaultTokenizer(use_stemmer=True))
    found: dict[str, list[float]] = {name: [] for name in ROUGE_TYPES.values()}
    for reference, text in zip(references, texts, strict=True):
        values = scorer.score(reference, text)
        for kind, name in ROUGE_TYPES.items():
            found[name].append(float(values[kind].fmeasure))
    return found


def _write(
    scorer: Scorer, items: Sequence[SummaryItem], settings: SummarySettings, hint: str
) -> list[str]:
    encoding = scorer.encoding
    # Without the hint the article gets no more room: only the hint differs between the two.
    room = scorer.context_length - settings.max_new_tokens - len(encoding.encode_ordinary(HINT))
    prompts = [
        encoding.decode(encoding.encode_ordinary(i.article)[: max(1, room)], errors="ignore") + hint
        for i in items
    ]
    texts = scorer.generate(
        prompts,
        max_new_tokens=settings.max_new_tokens,
        top_k=settings.top_k,
        seed=settings.seed,
    )
    return [_first(text, settings.sentences) for text in texts]


def _first(text: str, count: int) -> str:
    return " ".join(sentences(text)[:count])


def _random(text: str, count: int, pick: random.Random) -> str:
    found = sentences(text)
    return " ".join(pick.sample(found, min(count, len(found))))
