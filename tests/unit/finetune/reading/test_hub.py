"""The hub's loader, against a data set in a folder of this machine: nothing is downloaded."""

import sys
from functools import partial

import polars as pl
import pytest

from gptpath.errors import CorpusError
from gptpath.finetune.reading.hub import load_split, read_hub


@pytest.fixture
def local_hub(tmp_path, monkeypatch):
    """A folder as a data set of the hub is one; the loader's cache lies beside it."""
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "rte"
    (folder / "data").mkdir(parents=True)
    for split, n in (("train", 3), ("validation", 2)):
        frame = pl.DataFrame(
            {"sentence1": [f"{split} {i}" for i in range(n)], "label": [i - 1 for i in range(n)]}
        )
        frame.write_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    loader = partial(datasets.load_dataset, cache_dir=str(tmp_path / "cache"))
    monkeypatch.setattr(datasets, "load_dataset", loader)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


def test_rows_of_a_split_come_as_they_are_numbered_from_one(local_hub):
    rows = list(read_hub(str(local_hub), None, "a" * 40, "validation"))
    assert [row.id for row in rows] == ["validation:1", "validation:2"]
    assert [dict(row.values) for row in rows] == [
        {"sentence1": "validation 0", "label": -1},
        {"sentence1": "validation 1", "label": 0},
    ]


def test_what_cannot_be_loaded_is_named_with_its_revision(local_hub):
    with pytest.raises(CorpusError, match=r"rte \(no configuration, revision aaa.*, split test\)"):
        load_split(str(local_hub), None, "a" * 40, "test")


def test_without_the_package_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(CorpusError, match=r"needs the package datasets: install gptpath\[hub\]"):
        load_split("nyu-mll/glue", "rte", "a" * 40, "train")
