"""Which of a data set's layouts lies in the folder of benchmarks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gptpath.errors import CorpusError
from gptpath.finetune.reading.delimited import Delimited
from gptpath.finetune.reading.structured import Parquet
from gptpath.finetune.suite.entry import Layout, Part, Published


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A layout and its files, by split; a split without files is carved out of train."""

    layout: Layout
    files: dict[str, tuple[Path, ...]]


def find(folder: Path, entry: Published) -> Found | str:
    """The first layout whose files are all there, or what is missing of the one nearest to it."""
    nearest: tuple[int, str] = (-1, "")
    for layout in every_layout(entry):
        for place in layout.folders:
            found = {split: _files(folder / place, part) for split, part in _parts(layout).items()}
            missing = [
                f"{place}/{name}"
                for split, part in _parts(layout).items()
                for name, files in zip(part, found[split], strict=True)
                if not files
            ]
            if not missing:
                files = {split: _flat(of_split) for split, of_split in found.items()}
                if _has_columns(layout, folder / place):
                    return Found(layout=layout, files=files)
            elif (present := _count(found)) > nearest[0]:
                nearest = (present, f"no {', '.join(missing)}")
    return f"{nearest[1]} in the folder of zeroshot.benchmarks_dir (docs/finetuning.md)"


def every_layout(entry: Published) -> Iterator[Layout]:
    """The entry's layouts, and the hub's Parquet files as they are downloaded."""
    yield from entry.layouts
    hub = entry.hub
    if hub is None:
        return
    last = hub.id.split("/")[-1]
    inner = hub.config or ""
    yield Layout(
        title=f"{hub.id} of the hub, Parquet files",
        folders=(f"{hub.id}/{inner}", f"{last}/{inner}", f"{entry.name}/{inner}", entry.name),
        train=(f"{hub.train}-*.parquet",),
        validation=(f"{hub.validation}-*.parquet",) if hub.validation else (),
        test=(f"{hub.test}-*.parquet",),
        reader=Parquet(),
        fields=hub.fields,
        splits=hub_splits(hub.train, hub.validation, hub.test),
    )


def hub_splits(train: str, validation: str | None, test: str) -> str:
    """Where the splits of a hub data set come from."""
    held = f"its {validation} split" if validation else f"a part of {train} held back"
    return f"train and test are the hub's {train} and {test} splits, validation is {held}"


def _parts(layout: Layout) -> dict[str, Part]:
    return {"train": layout.train, "validation": layout.validation, "test": layout.test}


def _files(folder: Path, part: Part) -> list[tuple[Path, ...]]:
    """For each name of a part its files, none where there are none."""
    return [_matching(folder, name) for name in part]


def _matching(folder: Path, name: str) -> tuple[Path, ...]:
    if "*" in name:
        return tuple(sorted(folder.glob(name)) or sorted(folder.glob(f"{name}.gz")))
    paths = (folder / name, folder / f"{name}.gz")
    return tuple(path for path in paths if path.is_file())[:1]


def _flat(files: list[tuple[Path, ...]]) -> tuple[Path, ...]:
    return tuple(path for of_name in files for path in of_name)


def _count(found: dict[str, list[tuple[Path, ...]]]) -> int:
    return sum(bool(files) for of_split in found.values() for files in of_split)


def _has_columns(layout: Layout, folder: Path) -> bool:
    """Whether the headers of the files have the columns that the layout is known by."""
    for name, column in layout.needs:
        reader = layout.reader
        assert isinstance(reader, Delimited), "only tables have headers"
        [path] = _matching(folder, name)
        try:
            if column not in replace(reader, names=None).header(path):
                return False
        except CorpusError:
            return False
    return True
