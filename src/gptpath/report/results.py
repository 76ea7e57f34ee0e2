"""Everything the page is made from, read once and checked for gaps."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptpath.config.own_settings import published_recipes
from gptpath.config.params import Params
from gptpath.config.stand_ins import Setting
from gptpath.errors import PipelineError

Record = Mapping[str, Any]

SUMMARIES = ("tldr", "cnn-dailymail")
"""Tasks with a table of their own: ROUGE of several systems."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One `TL;DR:` item of the final checkpoint."""

    article: str
    generated: str
    reference: str | None
    """The author's own summary line, where the item record holds it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """The metrics and ledger files of one run of the path (docs/formats.md)."""

    profile: str
    models: tuple[str, ...]
    """Display order: the fine-tuned Transformer, the LSTM, then the rest by size."""
    gpt1: str
    """The Transformer that is fine-tuned; the GPT-1 of this profile."""
    lstm: str
    sizes: tuple[str, ...]
    """Models that differ in size alone, smallest first."""
    variants: tuple[str, ...]
    ingest: Record
    tokenizer: Record
    encode: Record
    pretrain: Mapping[str, Record]
    finetune: Mapping[str, Record]
    zeroshot: Mapping[str, Record]
    contamination: Record
    scaling: Record
    ledger: Mapping[str, Record]
    """Keyed `stage` or `stage/item`; stages without an entry are reported as not recorded."""
    samples: Sequence[Sample]
    recipes: Mapping[str, Sequence[Setting]]
    """Shape and recipe of the models that the papers describe; the others are this profile's."""

    @property
    def largest(self) -> str:
        """The model that the zero-shot statements are about."""
        return self.sizes[-1]


def load_results(root: Path, params: Params) -> Results:
    """Read what the stages of `params.matrix` wrote below `root`.

    Raises:
        PipelineError: A metrics file is missing or is not JSON; the message names the stage to run.
    """
    metrics = root / "metrics"
    models = params.matrix.models
    pretrain = {
        name: _read(metrics / "pretrain" / f"{name}.json", f"pretrain@{name}") for name in models
    }
    zeroshot = {
        name: _read(metrics / "zeroshot" / name / "results.json", f"zeroshot@{name}")
        for name in models
    }
    first = (params.finetune.pretrained, params.finetune.lstm)
    rest = sorted((m for m in models if m not in first), key=lambda m: pretrain[m]["parameters"])
    sizes = tuple(sorted(params.scaling.models, key=lambda m: pretrain[m]["parameters"]))
    return Results(
        profile=params.profile,
        models=(*first, *rest),
        gpt1=first[0],
        lstm=first[1],
        sizes=sizes,
        variants=params.finetune.variants,
        ingest=_read(metrics / "ingest.json", "ingest"),
        tokenizer=_read(metrics / "tokenizer.json", "tokenizer"),
        encode=_read(metrics / "encode.json", "encode"),
        pretrain=pretrain,
        finetune={
            task: _read(metrics / "finetune" / f"{task}.json", f"finetune@{task}")
            for task in params.matrix.finetune_tasks
        },
        zeroshot=zeroshot,
        contamination=_read(metrics / "contamination.json", "contamination"),
        scaling=_read(metrics / "scaling.json", "scaling"),
        ledger=_read_ledger(root / "ledger"),
        samples=_read_samples(metrics / "zeroshot" / sizes[-1] / "items.parquet"),
        recipes=published_recipes(root, params),
    )


def final_scores(results: Results, model: str) -> list[Record]:
    """Zero-shot scores of the last checkpoint of `model`; empty if it was asked nothing."""
    checkpoints = results.zeroshot[model]["checkpoints"]
    return checkpoints[-1]["scores"] if checkpoints else []


def lower_is_better(score: Record) -> bool:
    """Perplexities and bits per byte; everything else grows with skill."""
    metric = score["metric"]
    return "perplexity" in metric or "-bits-" in metric or metric.startswith("bpb")


def beats_chance(score: Record) -> bool:
    """Whether the whole interval is better than chance and than the best constant answer."""
    if score["chance"] is None or score.get("low") is None or score.get("high") is None:
        return False
    if lower_is_better(score):
        return score["high"] < score["chance"]
    return score["low"] > max(score["chance"], score.get("majority") or 0.0)


def headline_scores(scores: Sequence[Record]) -> dict[str, Record]:
    """Per task its first listed score that has a chance level: what claims are made of.

    Perplexities are left out, and so are summaries and translations, whose `chance` is another
    system's score.
    """
    chosen: dict[str, Record] = {}
    for score in scores:
        counted = score["chance"] is not None and not lower_is_better(score)
        translated = score.get("statistic") == "corpus-bleu"
        if counted and not translated and score["task"] not in SUMMARIES:
            chosen.setdefault(score["task"], score)
    return chosen


def printed_rouge(kinds: Collection[str]) -> tuple[str, ...]:
    """The scores that GPT-2's Table 4 prints and averages; its R-L is that by sentences."""
    by_sentences = "rouge-l-summary" in kinds
    wanted = ("rouge-1", "rouge-2", "rouge-l-summary" if by_sentences else "rouge-l")
    return tuple(kind for kind in wanted if kind in kinds)


def _read(path: Path, stage: str) -> Record:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PipelineError(
            f"the report needs {path}, which is missing; make it with `dvc repro {stage}`"
        ) from None
    except ValueError as error:  # no JSON, or no UTF-8
        raise PipelineError(
            f"{path} is not valid JSON ({error}); make it again with `dvc repro -f -s {stage}`"
        ) from None


def _read_ledger(folder: Path) -> dict[str, Record]:
    entries: dict[str, Record] = {}
    for path in sorted(folder.rglob("*.json")):
        key = path.relative_to(folder).with_suffix("").as_posix()
        entries[key] = _read(path, key.replace("/", "@"))
    return entries


def _read_samples(path: Path, limit: int = 3) -> list[Sample]:
    if not path.is_file():
        return []
    import polars

    items = polars.scan_parquet(path).filter(polars.col("task") == "tldr").head(limit).collect()
    return [
        Sample(
            article=str(row["prompt"]),
            generated=str(row["candidates"][0]),
            reference=str(row["references"][0]) if row.get("references") else None,
        )
        for row in items.iter_rows(named=True)
    ]
