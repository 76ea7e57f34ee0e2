"""What MLflow deletes for good is named to it in commands of a length that systems take."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gptpath.tracking import retention

WRITE = "import sys; open('purged', 'a').write(sys.argv[-1] + '\\n')"


def test_more_runs_than_fit_one_argument_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(retention, "MLFLOW_GC", (sys.executable, "-S", "-c", WRITE))
    ids = [f"{number:032x}" for number in range(4200)]
    deleted: list[str] = []
    client: Any = SimpleNamespace(delete_run=deleted.append)
    runs: Any = [SimpleNamespace(info=SimpleNamespace(run_id=one)) for one in ids]
    retention.remove_runs(client, tmp_path, runs)
    purged = [line.split(",") for line in (tmp_path / "purged").read_text().splitlines()]
    assert [one for some in purged for one in some] == deleted == ids
