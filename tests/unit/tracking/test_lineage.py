import threading
import time
from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.errors import PipelineError
from gptpath.tracking.lineage import (
    LockEntry,
    inputs_of,
    ledger_path,
    read_declaration,
    read_lock,
    split_name,
    stage_name,
)

ROOT = Path(__file__).parents[3]

LOCK = """
schema: '2.0'
stages:
  encode:
    cmd: gptpath encode
    deps:
    - {path: data/corpus, hash: md5, md5: aaa.dir, size: 1, nfiles: 2}
    params:
      params.yaml:
        encode.shard_tokens: 7
    outs:
    - {path: data/tokens, hash: md5, md5: bbb.dir, size: 1, nfiles: 2}
    - {path: ledger/encode.json, hash: md5, md5: ccc, size: 1}
  pretrain@m:
    cmd: gptpath pretrain m
    outs:
    - {path: metrics/pretrain/m.json, hash: md5, md5: ddd, size: 1}
"""


@pytest.fixture
def params():
    return load_params(ROOT / "profiles" / "laptop.yaml")


def entry(**changes) -> LockEntry:
    values = {"cmd": "c", "deps": {"a": "1"}, "outs": {"b": "2"}, "params": {"p": 3}}
    return LockEntry(**(values | changes))


def test_templates_of_a_matrix_stage_are_filled_with_the_item(params) -> None:
    found = read_declaration(ROOT, params, "pretrain", "gpt1-laptop")
    assert "models/pretrained/gpt1-laptop" in found.outs
    assert "models.gpt1-laptop" in found.params
    assert "data/tokens" in found.deps


def test_templates_are_filled_from_the_parameters(params) -> None:
    found = read_declaration(ROOT, params, "finetune", "package")
    assert f"models/pretrained/{params.finetune.pretrained}" in found.deps


def test_an_unknown_stage_or_a_needless_item_is_refused(params) -> None:
    with pytest.raises(PipelineError, match="no stage 'bake'; known: ingest"):
        read_declaration(ROOT, params, "bake", None)
    with pytest.raises(PipelineError, match="takes no item"):
        read_declaration(ROOT, params, "ingest", "gpt1-laptop")


def test_the_lock_is_read_by_stage(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(LOCK)
    found = read_lock(tmp_path)["encode"]
    assert found.deps == {"data/corpus": "aaa.dir"}
    assert found.outs["data/tokens"] == "bbb.dir"
    assert found.params == {"encode.shard_tokens": 7}


def test_no_lock_means_that_nothing_has_run(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}


def test_a_half_written_lock_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK[: LOCK.index("data/tokens") + 3])

    def finish() -> None:
        time.sleep(0.25)
        path.write_text(LOCK)

    writer = threading.Thread(target=finish)
    writer.start()
    assert set(read_lock(tmp_path)) == {"encode", "pretrain@m"}
    writer.join()


def test_inputs_are_outputs_of_other_stages_at_or_below_the_dependencies(
    tmp_path: Path, params
) -> None:
    (tmp_path / "dvc.lock").write_text(LOCK)
    lock = read_lock(tmp_path)
    scaling = inputs_of(read_declaration(ROOT, params, "scaling", None), lock)
    assert [(one.path, one.md5, one.producer) for one in scaling] == [
        ("metrics/pretrain/m.json", "ddd", "pretrain@m")
    ]
    report = inputs_of(read_declaration(ROOT, params, "report", None), lock)
    assert [one.path for one in report] == ["metrics/pretrain/m.json"], "ledgers are no data"


def test_the_version_ignores_measured_times_and_nothing_else() -> None:
    base = entry().digest()
    assert entry(outs={"b": "2", "ledger/x.json": "9"}).digest() == base
    assert entry(deps={"a": "1", "ledger": "9"}).digest() == base
    for change in ({"cmd": "d"}, {"deps": {"a": "9"}}, {"outs": {"b": "9"}}, {"params": {"p": 9}}):
        assert entry(**change).digest() != base


@pytest.mark.parametrize(("stage", "item"), [("ingest", None), ("pretrain", "gpt2-laptop-s")])
def test_a_stage_name_splits_into_what_it_was_made_of(stage: str, item: str | None) -> None:
    assert split_name(stage_name(stage, item)) == (stage, item)


def test_ledgers_lie_where_dvc_yaml_says(params) -> None:
    for stage, item in (("ingest", None), ("zeroshot", "gpt1-laptop")):
        path = ledger_path(ROOT, stage, item).relative_to(ROOT).as_posix()
        assert path in read_declaration(ROOT, params, stage, item).outs
