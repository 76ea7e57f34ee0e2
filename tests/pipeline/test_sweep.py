"""A sweep on two workers with two checkouts, whose processes are killed while they train.

A Prefect server, workers, checkouts, a DVC remote and an MLflow store, all real; models are tiny.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from gptpath.text.interpreter import write_interpreter
from gptpath.tracking.lineage import LockEntry, read_lock
from tests.pipeline.prefect_server import Server, serving, wait_until, working
from tests.pipeline.tiny_checkout import ROOT, change_params, commit, make_checkout, run

pytestmark = pytest.mark.slow

MODELS = ("gpt1-laptop", "lstm-laptop")
STEPS = {"gpt1-laptop": 2000, "lstm-laptop": 2000}
"""Enough to be killed in the midst of it."""
DVC = (sys.executable, "-m", "dvc")
PREFECT = (sys.executable, "-m", "prefect")


@dataclass(frozen=True)
class Team:
    """A checkout that sweeps, two workers, and what they share."""

    server: Server
    main: Path
    alone: Path
    """A copy of the checkout, in which `dvc repro` does everything, one after another."""
    repro: subprocess.Popen[bytes]
    base: Path


def trainer(model: str, below: Path) -> psutil.Process | None:
    """The process that trains a model in a checkout, once it has left a state to go on from."""
    for process in psutil.process_iter():
        try:
            if process.cmdline()[-2:] != ["pretrain", model]:
                continue
            here = Path(process.cwd())
            if here.parent != below or here.name == "alone":
                continue
            held = [Path(file.path) for file in process.open_files()]
            states = [one for path in held for one in path.with_suffix("").glob("state-*")]
            return process if len(states) > 1 else None
        except psutil.Error:
            continue
    return None


def freeze(model: str, below: Path) -> psutil.Process | None:
    """Let the trainer of a model stand still, if there is one, so that it does not end."""
    process = trainer(model, below)
    if process is not None:
        process.suspend()
    return process


def flow_process(trainer: psutil.Process) -> psutil.Process:
    """The process of the flow run above a trainer: DVC's parent."""
    [dvc] = [one for one in trainer.parents() if "dvc" in one.cmdline()]
    parent = dvc.parent()
    assert parent is not None
    return parent


def run_in_background(root: Path, *command: str) -> subprocess.Popen[bytes]:
    """Start a command on the code of a checkout, without tracking."""
    own = {"PYTHONPATH": str(root / "src"), "GPTPATH_TRACKING": "off"}
    own["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    return subprocess.Popen(command, cwd=root, env=os.environ | own)


def outputs(root: Path) -> dict[str, dict[str, str]]:
    """md5s of what every stage made: weights, metrics; not of ledgers, which hold times."""

    def made(entry: LockEntry) -> dict[str, str]:
        return {path: md5 for path, md5 in entry.outs.items() if not path.startswith("ledger")}

    return {name: made(entry) for name, entry in read_lock(root).items()}


def _shrink(params: Any) -> None:
    params["compute"]["device"] = "auto"  # of made-up boards, with which torch finds none
    params["pretrain"].update(
        log_every_steps=500, checkpoint_every_steps=100, validate_every_steps=1000
    )
    for model, steps in STEPS.items():
        params["models"][model]["recipe"]["steps"] = steps


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    base = tmp_path_factory.mktemp("team")
    main = make_checkout(base / "main")
    change_params(main, _shrink)
    shutil.copy(ROOT / "prefect.yaml", main)
    shutil.copytree(ROOT / "deploy", main / "deploy")
    run(main, *DVC, "remote", "add", "-q", "-d", "team", str(base / "remote"))
    write_interpreter(main)
    run(main, *DVC, "repro", "-q", "encode", GPTPATH_TRACKING="off")
    commit(main, "What all models read")
    alone = Path(shutil.copytree(main, base / "alone"))
    beside = run_in_background(alone, *DVC, "repro", "-q")
    for name in ("one", "two"):
        run(base, "git", "clone", "-q", str(main), str(base / name))
    home = base / "home"
    home.mkdir()
    with serving(home) as server, ExitStack() as workers:
        workers.callback(beside.wait)
        workers.callback(beside.kill)
        server.environment |= {
            "MLFLOW_TRACKING_URI": f"sqlite:///{base / 'mlflow.db'}",
            "GPTPATH_SCRATCH": str(base / "scratch"),
            "GPTPATH_GPUS": "board-a,board-b",
            "GPTPATH_GPU_LOCKS": str(base / "locks"),
            "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
        }
        for pool in ("gptpath", "gptpath-models"):
            server.make_pool(pool)
        server.prefect("deploy", "--all", cwd=main)
        start = [*PREFECT, "worker", "start", "--pool", "gptpath", "--limit", "1"]
        workers.enter_context(working(server, start, main))
        for name in ("one", "two"):
            command = ["deploy/model-worker", "--name", name]
            workers.enter_context(working(server, command, base / name))
        yield Team(server, main, alone, beside, base)


@pytest.fixture(scope="module")
def sweep(team: Team) -> str:
    """A sweep, done: of its two trainings one was killed outright, the other told to end."""
    run_id = team.server.start_run("scaling-sweep/sweep")
    waiting = dict(zip(MODELS, (signal.SIGKILL, signal.SIGTERM), strict=True))

    def strike() -> bool:
        for model, number in list(waiting.items()):
            if process := freeze(model, team.base):
                flow_process(process).send_signal(number)
                process.resume()
                del waiting[model]
        return not waiting

    wait_until(strike, 300)
    assert team.server.wait_for_end(run_id) == "COMPLETED", team.server.log(run_id)
    return run_id


def test_each_model_was_trained_on_a_worker_and_went_on_after_the_kill(
    team: Team, sweep: str
) -> None:
    runs = team.server.runs("train-model/worker")
    assert {run["name"].split()[0] for run in runs} == set(MODELS)
    assert {run["state_type"] for run in runs} == {"COMPLETED"}
    assert {run["run_count"] for run in runs} == {2}
    assert "Traceback" not in "".join(log.read_text() for log in team.base.glob("home/worker-*"))
    for run_ in runs:
        assert "scheduled again" in team.server.log(run_["id"])


def test_the_results_are_those_of_one_checkout_byte_for_byte(team: Team, sweep: str) -> None:
    assert team.repro.wait(300) == 0
    assert outputs(team.main) == outputs(team.alone)
    for model in MODELS:
        for path in (team.alone / "models/pretrained" / model).rglob("*.safetensors"):
            here = team.main / path.relative_to(team.alone)
            assert here.read_bytes() == path.read_bytes()


def test_afterwards_nothing_is_left_to_do_in_the_checkout(team: Team, sweep: str) -> None:
    assert "up to date" in run(team.main, *DVC, "status").stdout
    said = run(team.main, *DVC, "repro").stdout
    assert "Running" not in said
    assert "didn't change, skipping" in said


def test_the_ledger_tells_of_both_attempts(team: Team, sweep: str) -> None:
    for model in MODELS:
        ledger = json.loads((team.main / f"ledger/pretrain/{model}.json").read_text())
        assert ledger["attempts"] == 2
        assert ledger["tokens"] >= STEPS[model] * 8 * 32


def test_no_board_was_used_twice_at_a_time(team: Team, sweep: str) -> None:
    logs = "".join(team.server.log(run_["id"]) for run_ in team.server.runs("train-model/worker"))
    assert "GPU board-a of board-a, board-b" in logs
    assert "GPU board-b of board-a, board-b" in logs


def test_a_schedule_and_a_person_at_once_wait_for_each_other_and_survive_a_crash(
    team: Team,
) -> None:
    model = "lstm-laptop"
    change_params(
        team.main, lambda params: params["models"][model]["recipe"].update(warmup_steps=9)
    )
    scheduled = team.server.start_run("research-path/laptop")
    log = team.base / "by-hand.log"
    found: list[psutil.Process] = []

    def frozen() -> bool:
        found.extend(process for process in [freeze(model, team.base)] if process is not None)
        return bool(found)

    wait_until(frozen, 300)
    with log.open("w") as out:
        by_hand = subprocess.Popen(
            [sys.executable, "flows/research_path.py"],
            cwd=team.main,
            env=team.server.environment,
            stdout=out,
            stderr=out,
        )
    try:
        wait_until(lambda: "another flow runs in" in log.read_text(), 300)
        flow_process(found[0]).kill()
    finally:
        found[0].resume()
    assert by_hand.wait(300) == 0, log.read_text()
    assert "stages run" in log.read_text()
    # It is over twice: crashed, and 20 seconds later, run again, completed.
    wait_until(lambda: team.server.ask(f"flow_runs/{scheduled}")["state_type"] == "COMPLETED", 300)
    assert team.server.ask(f"flow_runs/{scheduled}")["run_count"] == 2
    assert "5 stages, of which 0 are stale" in team.server.log(scheduled)
    assert json.loads((team.main / f"ledger/pretrain/{model}.json").read_text())["attempts"] == 2
    assert "up to date" in run(team.main, *DVC, "status").stdout
