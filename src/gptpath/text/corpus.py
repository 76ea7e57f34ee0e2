"""From raw documents to the three splits of the corpus, with a count of everything dropped."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from gptpath.config.ingest import Ingest
from gptpath.errors import CorpusError
from gptpath.events import Emit, Progress
from gptpath.text.cleaning import clean, drop_reason
from gptpath.text.deduplication import without_duplicates
from gptpath.text.documents import FILES, Document
from gptpath.text.sources.opening import open_source
from gptpath.text.sources.source import Dropped, Source, Unit
from gptpath.text.splits import assign_splits

SPLITS = ("train", "validation", "tasks")

DUPLICATE = "duplicate"
_CLEANING_BATCH = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """Cleaned, deduplicated documents by split, and what became of the others."""

    splits: dict[str, list[Document]]
    read: int
    """Documents that the source yielded, before cleaning."""
    dropped: Counter[str]
    """Files and documents left out, by reason."""


def build_corpus(ingest: Ingest, *, raw: Path, seed: int, executor: Executor, emit: Emit) -> Corpus:
    """Read the source that `ingest` names, clean, deduplicate and split it.

    Reading and cleaning go through `executor`; the result does not depend on it. Raises
    CorpusError when the source is unusable or too small to fill every split.
    """
    dropped: Counter[str] = Counter()
    documents: list[Document] = []
    for settings in ingest.sources:
        source = open_source(settings, raw)
        units = source.units()
        results = executor.map(read_unit, [source] * len(units), units)
        for done, found in enumerate(results, start=1):
            dropped.update(one.reason for one in found if isinstance(one, Dropped))
            documents += [one for one in found if isinstance(one, Document)]
            emit(Progress(done=done, total=len(units), what=f"units of {source.name}"))
    if not documents:
        reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(dropped.items()))
        raise CorpusError(f"ingest.raw={raw} has no usable text ({reasons}); put text there")
    read = len(documents)
    kept, reasons = _clean_all(documents, ingest, executor)
    unique = without_duplicates(kept)
    dropped += reasons
    dropped[DUPLICATE] += len(kept) - len(unique)
    return Corpus(splits=_split(unique, ingest, seed), read=read, dropped=+dropped)


def read_unit(source: Source, unit: Unit) -> list[Document | Dropped]:
    """Read one unit as a whole."""
    return list(source.read(unit))


def _clean_all(
    documents: Sequence[Document], ingest: Ingest, executor: Executor
) -> tuple[list[Document], Counter[str]]:
    batches = [
        documents[i : i + _CLEANING_BATCH] for i in range(0, len(documents), _CLEANING_BATCH)
    ]
    results = list(executor.map(clean_batch, batches, [ingest] * len(batches)))
    kept = list(chain.from_iterable(documents for documents, _ in results))
    dropped: Counter[str] = Counter()
    for _, reasons in results:
        dropped += reasons
    return kept, dropped


def clean_batch(
    documents: Sequence[Document], ingest: Ingest
) -> tuple[list[Document], Counter[str]]:
    """Clean some documents."""
    kept: list[Document] = []
    dropped: Counter[str] = Counter()
    chars = {"min_chars": ingest.cleaning.min_chars, "max_chars": ingest.cleaning.max_chars}
    for document in documents:
        text = clean(document.text)
        reason = drop_reason(text, **chars)
        if reason:
            dropped[reason] += 1
        else:
            kept.append(replace(document, text=text))
    return kept, dropped


def _split(documents: Sequence[Document], ingest: Ingest, seed: int) -> dict[str, list[Document]]:
    keys = [_split_key(document) for document in documents]
    if len(set(keys)) < len(SPLITS):
        # One book and no other: its parts are all there is to hold out.
        keys = [document.id for document in documents]
    assigned = assign_splits(
        keys,
        seed=seed,
        low=("validation", ingest.validation_fraction),
        high=("tasks", ingest.tasks_fraction),
    )
    splits: dict[str, list[Document]] = {name: [] for name in SPLITS}
    for key, document in zip(keys, documents, strict=True):
        splits[assigned[key]].append(document)
    return splits


def _split_key(document: Document) -> str:
    """Parts of one file stay together; docstrings go each its own way."""
    if document.kind == FILES:
        return document.location.rpartition("#")[0] or document.location
    return document.id
