import hashlib
import json
from pathlib import Path

import pytest

from gptpath.errors import PipelineError
from tasks.base_branch import snapshot_at
from tests.pipeline.tiny_checkout import commit, run

pytestmark = pytest.mark.slow

METRICS = json.dumps({"documents": {"train": 3}})
MD5 = hashlib.md5(METRICS.encode(), usedforsecurity=False).hexdigest()
TABLE = b"PAR1\xe0\x02"
TABLE_MD5 = hashlib.md5(TABLE, usedforsecurity=False).hexdigest()
LOCK = f"""
schema: '2.0'
stages:
  ingest:
    cmd: gptpath ingest
    outs:
      - {{path: metrics/ingest.json, md5: {MD5}}}
      - {{path: metrics/finetune/a.parquet, md5: {TABLE_MD5}}}
      - {{path: data/corpus, md5: abc.dir}}
"""


def test_a_revision_tells_its_parameters_and_what_the_cache_still_holds(tmp_path: Path) -> None:
    run(tmp_path, "git", "init", "-q", "-b", "main")
    run(tmp_path, "python", "-m", "dvc", "init", "-q")
    commit(tmp_path, "Start")
    bare = snapshot_at(tmp_path, "main")
    assert (bare.params, bare.versions, bare.metrics, bare.missing) == ({}, {}, {}, ())

    (tmp_path / "params.yaml").write_text("seed: 1\npretrain: {steps: 10}\n")
    (tmp_path / "dvc.lock").write_text(LOCK)
    commit(tmp_path, "Run")
    lost = snapshot_at(tmp_path, "main")
    assert lost.params == {"seed": "1", "pretrain.steps": "10"}
    assert list(lost.versions) == ["ingest"]
    assert (lost.metrics, lost.missing) == ({}, ("metrics/ingest.json",))

    for md5, content in ((MD5, METRICS.encode()), (TABLE_MD5, TABLE)):
        kept = tmp_path / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
        kept.parent.mkdir(parents=True)
        kept.write_bytes(content)
    found = snapshot_at(tmp_path, "HEAD")
    assert found.metrics == {"metrics/ingest.json": {"documents": {"train": 3}}}
    assert found.missing == ()
    with pytest.raises(PipelineError, match="git fetch --unshallow"):
        snapshot_at(tmp_path, "nowhere")
