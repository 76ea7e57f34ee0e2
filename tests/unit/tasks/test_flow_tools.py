"""However a flow run ends, its children are stopped and its MLflow run says how it ended."""

from pathlib import Path

import pytest

from gptpath.errors import PipelineError
from tasks import flow_tools as module
from tasks.flow_tools import flow_tools


class Record:
    def __init__(self) -> None:
        self.ends: list[str] = []

    def finish(self, status: str) -> None:
        self.ends.append(status)


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Record:
    record = Record()
    monkeypatch.setattr(module, "open_flow_record", lambda root, profile, **facts: record)
    return record


def test_what_ends_well_has_finished(record: Record, tmp_path: Path) -> None:
    with flow_tools(tmp_path, "laptop", flow="path", places=1) as tools:
        assert record.ends == []
    assert record.ends == ["FINISHED"]
    with pytest.raises(PipelineError, match="being stopped"):
        tools.children.run(["true"], cwd=tmp_path, env={}, on_line=print)


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (PipelineError("a stage failed"), "FAILED"),
        (SystemExit(143), "KILLED"),
        (KeyboardInterrupt(), "KILLED"),
        (ZeroDivisionError(), "KILLED"),
    ],
)
def test_what_ends_early_says_how(
    record: Record, tmp_path: Path, error: BaseException, end: str
) -> None:
    with (
        pytest.raises(type(error)),
        flow_tools(tmp_path, "laptop", flow="path", places=1) as tools,
    ):
        raise error
    assert record.ends == [end]
    with pytest.raises(PipelineError, match="being stopped"):
        tools.children.run(["true"], cwd=tmp_path, env={}, on_line=print)
