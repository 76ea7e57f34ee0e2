"""Summaries asked for by `TL;DR:` (GPT-2 sec. 3.6), measured by ROUGE beside simple baselines."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gptpath.zeroshot.answers import SUMMARY_TYPES, rouge
from gptpath.zeroshot.baselines import Baselines
from gptpath.zeroshot.items import SummaryItem
from gptpath.zeroshot.results import Facts, Measure, Reporter, TaskResult
from gptpath.zeroshot.scoring import Scorer

HINT = "\nTL;DR:"
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
    references = [(item.summary,) for item in items]
    measured = {suffix: rouge(texts, references) for suffix, texts in written.items()}
    if settings.sentences > 1:
        for suffix, texts in written.items():
            lines = ["\n".join(sentences(text)) for text in texts]
            measured[suffix] |= rouge(lines, references, SUMMARY_TYPES)
    measures: list[Measure] = []
    for name in measured[""]:
        chance = sum(measured["-random"][name]) / len(items)
        for suffix, values in measured.items():
            measures.append(
                report.mean(
                    name + suffix,
                    values[name],
                    baselines=Baselines(random=chance),
                    protocol=f"tldr-rouge{suffix}",
                )
            )
    facts = [
        Facts(
            id=item.id,
            prompt=item.article,
            candidates=(written[""][n], written["-no-hint"][n]),
            references=(item.summary,),
        )
        for n, item in enumerate(items)
    ]
    return report.result(measures, facts)


def sentences(text: str) -> list[str]:
    """Sentences of a text: cut after . ! ? before whitespace, and at blank lines."""
    pieces = (" ".join(piece.split()) for piece in SENTENCE_END.split(text))
    return [piece for piece in pieces if piece]


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
