import json
import logging

import pytest

from gptpath.errors import ConfigError
from gptpath.events import Progress
from gptpath.stages.json_log import JsonFormatter, json_is_asked_for, read_json_line


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("gptpath.x", logging.WARNING, "x.py", 1, message, arguments, None)
    made.__dict__.update(extra)
    return made


def test_a_line_holds_the_message_the_ids_and_the_event() -> None:
    formatter = JsonFormatter(stage="ingest", item=None)
    formatter.facts["mlflow_run_id"] = "r1"
    event = Progress(done=1, total=3, what="files")
    line = formatter.format(record("progress %d/3 files", 1, event=event))
    values = json.loads(line)
    assert values.pop("time").endswith("+00:00")
    assert values == {
        "level": "warning",
        "logger": "gptpath.x",
        "message": "progress 1/3 files",
        "stage": "ingest",
        "mlflow_run_id": "r1",
        "event": "Progress",
        "values": {"done": 1, "total": 3, "what": "files"},
    }
    assert read_json_line(line) == json.loads(line)


def test_a_text_of_several_lines_stays_one_line() -> None:
    assert "\n" not in JsonFormatter().format(record("one\ntwo"))


@pytest.mark.parametrize("line", ["step 1/2 | loss 3", '{"time": "2020", "mess', '{"a": 1}', ""])
def test_other_lines_are_not_read(line: str) -> None:
    assert read_json_line(line) is None


def test_the_variable_takes_two_words(monkeypatch) -> None:
    monkeypatch.delenv("GPTPATH_LOG", raising=False)
    assert not json_is_asked_for()
    monkeypatch.setenv("GPTPATH_LOG", "json")
    assert json_is_asked_for()
    monkeypatch.setenv("GPTPATH_LOG", "xml")
    with pytest.raises(ConfigError, match="xml"):
        json_is_asked_for()
