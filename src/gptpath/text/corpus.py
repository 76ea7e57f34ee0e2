"""From raw documents to the three splits of the corpus, with a count of everything dropped."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from gptpath.config.sections import Ingest
from gptpath.events import Emit
from gptpath.text.cleaning import clean, drop_reason
from gptpath.text.deduplication import without_duplicates
from gptpath.text.documents import Document
from gptpath.text.files import SOURCE as FILES
from gptpath.text.files import cut_into_parts, read_files
from gptpath.text.installed_docs import read_installed_docs
from gptpath.text.splits import assign_splits

SPLITS = ("train", "validation", "tasks")

DUPLICATE = "duplicate"
UNPARSABLE = "file_unparsable"
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
    if ingest.source == "files":
        files = read_files(raw, emit=emit)
        documents = files.documents
        dropped += files.dropped
    else:
        extracted = read_installed_docs(
            ingest.packages, min_chars=ingest.min_document_chars, executor=executor, emit=emit
        )
        documents = extracted.documents
        dropped[UNPARSABLE] += extracted.unparsable
    read = len(documents)
    kept, reasons = _clean_all(documents, ingest, executor)
    unique = without_duplicates(kept)
    dropped += reasons
    dropped[DUPLICATE] += len(kept) - len(unique)
    return Corpus(splits=_split(unique, ingest, seed), read=read, dropped=+dropped)


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
    """Clean some documents; long ones of `files` are cut into parts called `location#part`."""
    kept: list[Document] = []
    dropped: Counter[str] = Counter()
    for document in documents:
        text = clean(document.text)
        if document.source == FILES and len(text) > ingest.max_document_chars:
            parts = cut_into_parts(text, ingest.max_document_chars)
            places = [f"{document.location}#{n:04d}" for n in range(len(parts))]
        else:
            parts, places = [text], [document.location]
        for part, place in zip(parts, places, strict=True):
            reason = drop_reason(
                part, min_chars=ingest.min_document_chars, max_chars=ingest.max_document_chars
            )
            if reason:
                dropped[reason] += 1
            else:
                kept.append(replace(document, text=part, location=place))
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
    if document.source == FILES:
        return document.location.rpartition("#")[0] or document.location
    return document.id
