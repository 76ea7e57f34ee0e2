from pathlib import Path

from gptpath.events import Event, Progress
from gptpath.stages.context import StageContext
from gptpath.stages.report import run
from tests.unit.report.fake_run import laptop_params, write_run


def test_the_stage_writes_one_page_and_leaves_nothing_else(tmp_path: Path) -> None:
    write_run(tmp_path)
    events: list[Event] = []
    run(StageContext(root=tmp_path, params=laptop_params(), item=None, emit=events.append))
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["index.html"]
    text = (tmp_path / "reports/index.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert events == [Progress(done=1, total=1, what="pages")]
