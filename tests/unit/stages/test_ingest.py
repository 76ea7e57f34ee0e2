import hashlib
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from gptpath.config.ingest import Files
from gptpath.config.loading import load_params
from gptpath.errors import CorpusError
from gptpath.events import ignore
from gptpath.stages.context import StageContext
from gptpath.stages.ingest import run
from gptpath.text.labelled.task_files import SPLITS, read_items, read_specs
from tests.books import write_books

ROOT = Path(__file__).parents[3]
PARAMS = load_params(ROOT / "profiles" / "laptop.yaml")


def context(root: Path, **ingest) -> StageContext:
    values = {
        "sources": (Files(part_chars=2000),),
        "raw": "raw",
        "validation_fraction": 0.1,
        "tasks_fraction": 0.4,
        "task_examples": 200,
    } | ingest
    params = replace(PARAMS, ingest=replace(PARAMS.ingest, **values))
    return StageContext(root=root, params=params, item=None, emit=ignore)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    write_books(root / "raw", 30, paragraphs=40)
    run(context(root))
    return root


def test_the_stage_writes_exactly_its_outputs(done):
    assert sorted(p.name for p in done.iterdir()) == [".scratch", "data", "metrics", "raw"]
    assert [p.name for p in (done / ".scratch" / "ingest").iterdir()] == ["lock"]
    assert sorted(p.name for p in (done / "data").iterdir()) == ["corpus", "tasks"]
    assert sorted(p.name for p in (done / "data" / "corpus").iterdir()) == [
        "dropped.parquet",
        "tasks",
        "train",
        "validation",
    ]
    assert [p.name for p in (done / "metrics").iterdir()] == ["ingest.json"]


def test_metrics_count_what_the_files_hold(done):
    metrics = json.loads((done / "metrics" / "ingest.json").read_text())
    for split in ("train", "validation", "tasks"):
        frame = pl.read_parquet(done / "data" / "corpus" / split)
        assert metrics["documents"][split] == len(frame) > 0
        assert metrics["characters"][split] == frame["text"].str.len_chars().sum()
    assert metrics["read"] == sum(metrics["documents"].values())
    assert sum(metrics["groups"].values()) == sum(metrics["documents"].values())
    for task, by_split in metrics["tasks"].items():
        for split in SPLITS:
            assert by_split[split] == len(read_items(done / "data" / "tasks", task, split))


def test_items_come_from_the_tasks_split_alone(done):
    corpus = {
        split: set(pl.read_parquet(done / "data" / "corpus" / split)["id"])
        for split in ("train", "validation", "tasks")
    }
    specs = read_specs(done / "data" / "tasks")
    present = [name for name, spec in specs.items() if spec.absent is None]
    assert {"acceptability", "similarity", "continuation"} <= set(present)
    assert "summary" in (specs["tldr"].absent or "")
    for name in present:
        for split in SPLITS:
            owners = {item["document"] for item in read_items(done / "data" / "tasks", name, split)}
            assert owners <= corpus["tasks"] - corpus["train"] - corpus["validation"]


def test_another_checkout_gets_the_same_bytes(done, tmp_path):
    def digests(root: Path) -> dict[str, str]:
        files = [p for top in ("data", "metrics") for p in (root / top).rglob("*") if p.is_file()]
        return {
            p.relative_to(root).as_posix(): hashlib.md5(p.read_bytes()).hexdigest() for p in files
        }

    write_books(tmp_path / "elsewhere" / "raw", 30, paragraphs=40)
    run(context(tmp_path / "elsewhere"))
    assert digests(tmp_path / "elsewhere") == digests(done)


def test_an_empty_folder_stops_the_stage_before_it_writes(tmp_path):
    (tmp_path / "raw").mkdir()
    with pytest.raises(CorpusError, match="has no files"):
        run(context(tmp_path))
    assert not (tmp_path / "data").exists()
