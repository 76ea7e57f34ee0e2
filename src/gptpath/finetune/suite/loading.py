"""One of GPT-1's data sets, from local files or from the hub."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from gptpath.config.data_sets import DataSets
from gptpath.finetune.reading.assemble import Assembled, HeldBack, Origin, assemble
from gptpath.finetune.reading.collect import only
from gptpath.finetune.reading.hub import Load, load_split, read_hub
from gptpath.finetune.reading.raw import Raw
from gptpath.finetune.suite.entry import Hub, Published
from gptpath.finetune.suite.finding import Found, find, hub_splits

HELD_BACK = HeldBack(test_fraction=0.2, validation_fraction=0.1, validation_most=5_000)
"""Of a data set without a test or validation split of its own, or whose GLUE validation serves as
test."""


def load_published(
    entry: Published, folder: Path, settings: DataSets, load: Load = load_split
) -> Assembled | str:
    """Rows of a data set: from `folder`, else from the hub where that is allowed; or why not.

    Raises:
        CorpusError: files are damaged, the hub fails, or a split has no row that can be used.
    """
    found = find(folder, entry)
    if isinstance(found, Found):
        return _assemble(entry, _local(found), settings)
    if not settings.hub:
        return found + (
            "; data_sets.hub: true loads it from the Hugging Face hub" if entry.hub else ""
        )
    if entry.hub is None:
        return f"{found}; the Hugging Face hub does not have it"
    return _assemble(entry, _remote(entry.hub, settings.revisions, load), settings)


def _assemble(entry: Published, origin: Origin, settings: DataSets) -> Assembled:
    if entry.only is not None:
        field, prefix = entry.only
        filtered = {split: only(rows, field, prefix) for split, rows in origin.splits.items()}
        origin = replace(origin, splits=filtered)
    return assemble(
        entry.name,
        origin,
        HELD_BACK,
        refuse=False,
        drop_duplicates=settings.drop_duplicates,
    )


def _local(found: Found) -> Origin:
    layout = found.layout
    return Origin(
        splits={
            split: _joined(layout.reader.read(path) for path in files)
            for split, files in found.files.items()
            if files
        },
        fields=layout.fields,
        note=f"{layout.title}: {layout.splits}",
        carve=layout.carve,
    )


def _remote(hub: Hub, revisions: Mapping[str, str], load: Load) -> Origin:
    revision = revisions.get(hub.id, hub.revision)
    names = {"train": hub.train, "validation": hub.validation, "test": hub.test}
    return Origin(
        splits={
            split: read_hub(hub.id, hub.config, revision, name, load)
            for split, name in names.items()
            if name is not None
        },
        fields=hub.fields,
        note=f"{hub.id} at {revision[:12]}: {hub_splits(hub.train, hub.validation, hub.test)}",
    )


def _joined(parts: Iterable[Iterable[Raw]]) -> Iterable[Raw]:
    for part in parts:
        yield from part
