"""Which documents the batch of one training step held: `gptpath batch`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gptpath.config.params import Params
from gptpath.errors import ConfigError, CorpusError
from gptpath.text.documents import read_shard, shard_name
from gptpath.tokens.document_index import DocumentIndex, Span
from gptpath.tokens.shards import open_split
from gptpath.train.batches import Batches

SPLIT = "train"

_COLUMNS = ("id", "source", "group", "location")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a document of the corpus came from."""

    source: str
    group: str
    location: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """One sequence of a batch."""

    start: int
    """Position of its first token in the training split."""
    stop: int
    """Position after its last token, which is a target only."""
    passages: tuple[tuple[Span, Origin], ...]
    """The documents it holds, in order."""


def batch_windows(root: Path, params: Params, model: str, step: int) -> list[Window]:
    """Sequences of the batch that update `step` of `model` reads; the first update is step 1.

    Raises:
        ConfigError: no such model or step.
        TokenError: data/tokens is missing or has no document index.
        CorpusError: data/corpus is not the one that data/tokens was made from.
    """
    if model not in params.models:
        raise ConfigError(f"no model {model!r} in params.yaml; known: {', '.join(params.models)}")
    recipe, length = params.recipe(model), params.model_config(model).context_length
    if not 1 <= step <= recipe.steps:
        raise ConfigError(
            f"step {step} of {model} does not exist; steps run from 1 to {recipe.steps}"
        )
    folder = root / "data" / "tokens"
    batches = Batches(
        open_split(folder, SPLIT),
        context_length=length,
        batch_size=recipe.batch_size_sequences,
        seed=params.seed,
    )
    index = DocumentIndex(folder, SPLIT)
    starts = batches.window_starts(step - 1)
    found = [index.spans(start, start + length + 1) for start in starts]
    origins = _origins(root / "data" / "corpus" / SPLIT, [s for spans in found for s in spans])
    return [
        Window(
            start=start,
            stop=start + length + 1,
            passages=tuple((span, origins[span.shard, span.row]) for span in spans),
        )
        for start, spans in zip(starts, found, strict=True)
    ]


def render_batch(windows: Sequence[Window], model: str, step: int) -> str:
    """A line for each sequence, below it one for each document that it holds."""
    lines = [f"step {step} of {model}: {len(windows)} sequences; a..b holds a to b - 1"]
    for number, window in enumerate(windows):
        lines.append(f"sequence {number}: tokens {window.start}..{window.stop} of {SPLIT}")
        lines += [
            f"  {span.id}  {origin.source}  {origin.group}  {origin.location}  "
            f"tokens {span.start}..{span.stop} of {span.tokens}"
            for span, origin in window.passages
        ]
    return "\n".join(lines)


def _origins(corpus: Path, spans: Iterable[Span]) -> dict[tuple[str, int], Origin]:
    """Origins by shard and row; the shards are read once each, without their texts."""
    wanted: dict[str, dict[int, str]] = {}
    for span in spans:
        wanted.setdefault(span.shard, {})[span.row] = span.id
    origins: dict[tuple[str, int], Origin] = {}
    for shard, ids in sorted(wanted.items()):
        first = 0
        for frame in read_shard(corpus / shard_name(int(shard)), _COLUMNS):
            for row in sorted(row for row in ids if first <= row < first + frame.height):
                name, source, group, location = frame.row(row - first)
                if name == ids[row]:
                    origins[shard, row] = Origin(source=source, group=group, location=location)
            first += frame.height
        if missing := [row for row in ids if (shard, row) not in origins]:
            raise CorpusError(
                f"row {missing[0]} of {corpus}/{shard_name(int(shard))} is not document "
                f"{ids[missing[0]]}, as data/tokens says; run `gptpath encode` again"
            )
    return origins
