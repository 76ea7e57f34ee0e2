import platform

import pytest

from gptpath.errors import PipelineError
from gptpath.text.interpreter import FILE, check_interpreter, write_interpreter


def test_the_running_interpreter_is_recorded_and_accepted(tmp_path):
    write_interpreter(tmp_path)
    assert (tmp_path / FILE).read_text() == f"{platform.python_version()}\n"
    check_interpreter(tmp_path)


def test_a_record_that_holds_already_is_left_alone(tmp_path):
    write_interpreter(tmp_path)
    before = (tmp_path / FILE).stat().st_mtime_ns
    write_interpreter(tmp_path)
    assert (tmp_path / FILE).stat().st_mtime_ns == before


def test_another_interpreter_is_refused_with_the_way_out(tmp_path):
    (tmp_path / FILE).write_text("3.9.1\n")
    with pytest.raises(PipelineError, match=r"records Python 3\.9\.1, but .* `make install`"):
        check_interpreter(tmp_path)
    write_interpreter(tmp_path)
    check_interpreter(tmp_path)


def test_without_a_record_there_is_nothing_to_compare(tmp_path):
    check_interpreter(tmp_path)
    assert not (tmp_path / FILE).exists()
