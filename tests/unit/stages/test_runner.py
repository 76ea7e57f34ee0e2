import gc
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.errors import ConfigError, CorpusError, PipelineError
from gptpath.events import (
    CheckpointSaved,
    Evaluated,
    ModelFinished,
    Progress,
    StepFinished,
)
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.stages.log_lines import log_line
from gptpath.stages.runner import collector_paused, run_stage

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout without a store; the logging of the test run is put back afterwards."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setenv("GPTPATH_TRACKING", "off")
    logger, handlers = logging.getLogger(), logging.getLogger().handlers[:]
    yield tmp_path
    logger.handlers[:] = handlers
    logging.getLogger("gptpath").setLevel(logging.NOTSET)


def stand_in(monkeypatch: pytest.MonkeyPatch, stage: str, run) -> None:
    module = types.ModuleType(f"gptpath.stages.{stage}")
    module.run = run
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_a_stage_runs_with_its_parameters_and_leaves_its_ledger(checkout, monkeypatch) -> None:
    seen: list[StageContext] = []

    def run(context: StageContext) -> StageOutcome:
        seen.append(context)
        return StageOutcome(tokens=10, flops=5.0, chosen={"micro_batch_size_sequences": 4})

    stand_in(monkeypatch, "pretrain", run)
    run_stage(checkout, "pretrain", "gpt1-laptop")
    assert seen[0].item == "gpt1-laptop"
    assert seen[0].params.profile == "laptop"
    ledger = json.loads((checkout / "ledger/pretrain/gpt1-laptop.json").read_text())
    assert (ledger["stage"], ledger["item"]) == ("pretrain", "gpt1-laptop")
    assert (ledger["tokens"], ledger["flops"]) == (10, 5.0)
    assert ledger["chosen"] == {"micro_batch_size_sequences": 4}
    assert ledger["mlflow_run_id"] is None
    assert ledger["wall_seconds"] > 0
    assert {"git_commit", "started_at", "cpu_seconds", "peak_memory_bytes"} <= ledger.keys()
    assert {"energy_joules", "energy_source", "machine"} <= ledger.keys()


def test_the_report_keeps_no_ledger_because_it_depends_on_all_of_them(
    checkout, monkeypatch
) -> None:
    stand_in(monkeypatch, "report", lambda context: StageOutcome())
    run_stage(checkout, "report", None)
    assert not (checkout / "ledger").exists()


def test_a_failed_stage_leaves_no_ledger_and_its_own_error(checkout, monkeypatch) -> None:
    def run(context: StageContext) -> StageOutcome:
        raise CorpusError("no text in data/raw")

    stand_in(monkeypatch, "ingest", run)
    with pytest.raises(CorpusError, match="no text in data/raw"):
        run_stage(checkout, "ingest", None)
    assert not (checkout / "ledger").exists()


def test_wrong_parameters_are_refused_before_the_stage_is_touched(checkout, monkeypatch) -> None:
    stand_in(monkeypatch, "ingest", lambda context: pytest.fail("must not run"))
    text = (checkout / "params.yaml").read_text()
    (checkout / "params.yaml").write_text(text.replace("side_by_side", "side_by_sid"))
    with pytest.raises(ConfigError, match="did you mean 'side_by_side'"):
        run_stage(checkout, "ingest", None)


def test_a_stage_without_a_module_is_named(checkout) -> None:
    with pytest.raises(PipelineError, match="no stage 'bake'"):
        run_stage(checkout, "bake", None)


def test_events_become_lines_on_stdout(checkout, monkeypatch, capsys) -> None:
    def run(context: StageContext) -> StageOutcome:
        context.emit(Progress(done=1, total=2, what="files"))
        logging.getLogger("gptpath.text").warning("odd bytes")
        logging.getLogger("elsewhere").info("chatter")
        return StageOutcome()

    stand_in(monkeypatch, "ingest", run)
    run_stage(checkout, "ingest", None)
    lines = capsys.readouterr().out.splitlines()
    assert "progress 1/2 files" in lines
    assert "warning: odd bytes" in lines
    assert "chatter" not in lines


def test_lines_are_aligned_and_carry_every_number(tmp_path: Path) -> None:
    def event(number: int, seconds: float) -> StepFinished:
        return StepFinished(
            step=number,
            total_steps=800,
            tokens=number * 2048,
            loss=4.5,
            learning_rate=3e-3,
            grad_norm=0.75,
            tokens_per_second=27100.0,
            seconds_left=seconds,
        )

    first, last = log_line(event(20, 3725)), log_line(event(800, 0))
    assert len(first) == len(last)
    for part in ("step  20/800", "41.0K", "4.5000", "3.00e-03", "0.750", "27.1K tok/s", "1:02:05"):
        assert part in first
    measured = replace(event(20, 3725), mfu=0.4567, peak_memory_bytes=12_300_000_000)
    assert "27.1K tok/s | mfu 45.7% |  12.3GB | 1:02:05" in log_line(measured)
    assert log_line(Evaluated(step=100, values={"loss": 2.5})) == "scores 100 | loss 2.5000"
    assert log_line(Evaluated(step=None, values={"acc": 0.5})) == "scores | acc 0.5000"
    assert log_line(CheckpointSaved(step=7, path=tmp_path)) == "checkpoint 7"
    done = ModelFinished(name="m", path=tmp_path, kind="classifier", metrics={})
    assert log_line(done) == "model m finished"


SLEEPER = """
import os, sys, time, types
from pathlib import Path
from gptpath.stages.runner import collector_paused, run_stage

def run(context):
    context.path("pid").write_text(str(os.getpid()))
    time.sleep(60)

module = types.ModuleType("gptpath.stages.ingest")
module.run = run
sys.modules[module.__name__] = module
run_stage(Path.cwd(), "ingest", None)
"""


def start_sleeper(checkout: Path, command: list[str], **environment: str) -> subprocess.Popen:
    process = subprocess.Popen(
        command,
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not (checkout / "pid").is_file() or not (checkout / "pid").read_text():
        assert time.monotonic() < deadline, "the stage did not start"
        time.sleep(0.05)
    return process


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the stage outlived the process that waited for it")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_stage_with_the_code_that_shells_expect(checkout, number) -> None:
    process = start_sleeper(checkout, [sys.executable, "-c", SLEEPER])
    process.send_signal(number)
    assert process.wait(15) == 128 + number


def test_a_signal_after_the_work_does_not_throw_it_away(checkout, monkeypatch) -> None:
    def register(self, model, ledger) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    def run(context: StageContext) -> StageOutcome:
        path = checkout / "model"
        context.emit(ModelFinished(name="m", path=path, kind="language-model", metrics={}))
        return StageOutcome()

    stand_in(monkeypatch, "pretrain", run)
    monkeypatch.setattr("gptpath.tracking.recorder.NoRecord.register", register)
    run_stage(checkout, "pretrain", "gpt1-laptop")
    assert (checkout / "ledger/pretrain/gpt1-laptop.json").is_file()
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN


def test_a_stage_ends_when_its_parent_is_killed(checkout) -> None:
    (checkout / "sleeper.py").write_text(SLEEPER)
    # `; true` keeps the shell from replacing itself by Python.
    shell = start_sleeper(checkout, ["sh", "-c", f"{sys.executable} sleeper.py; true"])
    shell.kill()
    shell.wait()
    wait_until_gone(int((checkout / "pid").read_text()))


def test_a_stage_ends_when_the_flow_behind_its_parent_is_killed(checkout) -> None:
    flow = subprocess.Popen(["sleep", "60"])
    stage = start_sleeper(checkout, [sys.executable, "-c", SLEEPER], GPTPATH_FLOW_PID=str(flow.pid))
    flow.kill()
    flow.wait()
    assert stage.wait(15) == 143


def test_the_collector_rests_while_a_stage_starts_and_works_again_in_it(checkout, monkeypatch):
    seen: list[bool] = []

    def run(context: StageContext) -> StageOutcome:
        seen.append(gc.isenabled())
        return StageOutcome()

    stand_in(monkeypatch, "pretrain", run)
    run_stage(checkout, "pretrain", "gpt1-laptop")
    assert seen == [True]
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
