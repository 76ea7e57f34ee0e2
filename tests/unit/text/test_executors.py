import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from gptpath.config.sections import Parallel
from gptpath.errors import ConfigError, CorpusError, PipelineError
from gptpath.events import ignore
from gptpath.text.executors import open_executor, run_all


def square(number: int) -> int:
    return number * number


def fail(number: int) -> int:
    raise CorpusError(f"{number} is bad")


def die(number: int) -> int:
    os._exit(number)


def test_results_come_in_the_order_of_the_arguments_and_progress_is_told_rarely():
    events: list = []
    with ThreadPoolExecutor(3) as executor:
        found = run_all(executor, square, range(500), emit=events.append, what="squares")
    assert found == [n * n for n in range(500)]
    assert len(events) == 50
    assert (events[-1].done, events[-1].total, events[-1].what) == (500, 500, "squares")


def test_no_work_is_no_event():
    with ThreadPoolExecutor(1) as executor:
        assert run_all(executor, square, [], emit=pytest.fail, what="squares") == []


def test_an_error_of_the_work_is_raised_as_it_is():
    with ThreadPoolExecutor(1) as executor, pytest.raises(CorpusError, match="7 is bad"):
        run_all(executor, fail, [7], emit=ignore, what="squares")


def test_a_process_that_dies_is_an_error_with_a_way_out():
    with (
        open_executor(Parallel(workers=1)) as executor,
        pytest.raises(PipelineError, match="died while doing squares .* lower parallel.workers"),
    ):
        run_all(executor, die, [3], emit=ignore, what="squares")


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("gptpath.text.executors._CONNECT_SECONDS", 0.2)
    parallel = Parallel(engine="dask", address="tcp://127.0.0.1:9")
    with (
        pytest.raises(ConfigError, match=r"no Dask scheduler answers at .*127\.0\.0\.1:9"),
        open_executor(parallel),
    ):
        pass


def test_without_the_client_library_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    parallel = Parallel(engine="dask", address="tcp://127.0.0.1:9")
    with (
        pytest.raises(ConfigError, match=r"pip install 'gptpath\[dask\]'"),
        open_executor(parallel),
    ):
        pass
