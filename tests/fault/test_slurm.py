"""The batch script for several nodes, with `srun` and `scontrol` played: their nodes are processes.

Everything else is real: DVC, the stage, two times torchrun that meet, the requeued job.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from deploy.slurm.set_launch import set_launch
from gptpath.text.interpreter import write_interpreter
from gptpath.tracking.lineage import read_lock
from tests.pipeline.tiny_checkout import MODEL, ROOT, change_params, commit, make_checkout, run

# Told to end, Slurm's kills what it has started.
SRUN = """#!/usr/bin/env bash
echo "$@" > asked
while [[ "$1" == --* ]]; do shift; done
"$@" &
trap 'kill -KILL "$!"' TERM
wait "$!"
"""
SCONTROL = """#!/usr/bin/env bash
echo "$@" > requeued
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("slurm")
    root = make_checkout(base / "checkout")
    change_params(root, _lengthen)
    (root / "deploy" / "slurm").mkdir(parents=True)
    for path in (ROOT / "deploy" / "slurm").glob("*"):
        if path.is_file():
            (root / "deploy" / "slurm" / path.name).write_bytes(path.read_bytes())
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (base / name).write_text(text)
        (base / name).chmod(0o755)
    write_interpreter(root)
    run(root, sys.executable, "-m", "dvc", "repro", "-q", "encode", GPTPATH_TRACKING="off")
    return root


def _lengthen(params) -> None:
    params["pretrain"].update(
        log_every_steps=50, checkpoint_every_steps=50, validate_every_steps=600
    )
    params["models"][MODEL]["recipe"]["steps"] = 600


def submit(root: Path) -> subprocess.Popen[bytes]:
    """What Slurm does with two nodes of one process each."""
    beside = os.path.dirname(sys.executable)
    with (root / "slurm-7.log").open("w") as log:
        return subprocess.Popen(
            ["bash", "deploy/slurm/pretrain.sbatch", MODEL],
            cwd=root,
            env=os.environ
            | {
                "PATH": os.pathsep.join([str(root.parent), beside, os.environ["PATH"]]),
                "SLURM_SUBMIT_DIR": str(root),
                "SLURMD_NODENAME": "localhost",
                "SLURM_JOB_ID": "7",
                "SLURM_NNODES": "2",
                "SLURM_GPUS_ON_NODE": "1",
                "GPTPATH_TRACKING": "off",
                "DVC_NO_ANALYTICS": "true",
            },
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def end(job: subprocess.Popen[bytes], root: Path) -> str:
    """Wait for the job and end what it has left, as Slurm does; returns its log."""
    try:
        job.wait(timeout=300)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
    return (root / "slurm-7.log").read_text()


@pytest.mark.slow
def test_a_job_that_runs_out_of_time_goes_on_when_it_is_queued_again(checkout: Path) -> None:
    job = submit(checkout)
    deadline = time.monotonic() + 240
    while len(list(checkout.glob(".scratch/pretrain/*/state-*"))) < 2:
        assert job.poll() is None, end(job, checkout)
        assert time.monotonic() < deadline
        time.sleep(0.1)
    job.send_signal(signal.SIGTERM)
    said = end(job, checkout)
    assert job.returncode == 143, said
    assert (checkout / "requeued").read_text() == "requeue 7\n"
    asked = (checkout / "asked").read_text()
    assert asked.startswith("--nodes=1 --ntasks=1 --exclude=localhost --overlap bash -c")
    again = submit(checkout)
    said = end(again, checkout)
    assert again.returncode == 0, said
    assert "step 600/600" in said
    assert "step 1/600" not in said, "it began anew"
    assert f"models/pretrained/{MODEL}" in read_lock(checkout)[f"pretrain@{MODEL}"].outs
    assert YAML(typ="safe").load(checkout / "params.yaml")["launch"]["nnodes"] == 2
    third = submit(checkout)
    assert end(third, checkout) == f"pretrain@{MODEL} is up to date\n"
    assert third.returncode == 0


def test_each_worker_of_an_array_has_a_checkout_of_its_own(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    (origin / "deploy").mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "model-worker", origin / "deploy")
    subprocess.run(["git", "init", "-q", "-b", "main", origin], check=True)
    commit(origin, "Start")
    (tmp_path / "prefect").write_text(
        '#!/bin/sh\necho "$GPTPATH_CHECKOUT" "$GPTPATH_SCRATCH" "$@"\n'
    )
    (tmp_path / "prefect").chmod(0o755)
    for task in ("1", "2", "2"):
        done = subprocess.run(
            ["bash", ROOT / "deploy" / "slurm" / "worker.sbatch"],
            env={
                "PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]]),
                "GPTPATH_REPOSITORY": str(origin),
                "GPTPATH_CHECKOUTS": str(tmp_path / "all"),
                "SLURM_ARRAY_TASK_ID": task,
                "SLURM_JOB_ID": "7",
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == (
            f"{tmp_path}/all/worker-{task} {tmp_path}/all/scratch "
            f"worker start --pool gptpath-models --limit 1 --name worker-{task}-7\n"
        )


def test_a_worker_in_the_background_of_a_script_is_not_deaf_to_its_end(tmp_path: Path) -> None:
    shown = "import signal; print(signal.getsignal(signal.SIGINT))"
    (tmp_path / "prefect").write_text(f"#!/bin/sh\nexec {sys.executable} -c '{shown}'\n")
    (tmp_path / "prefect").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", f"{ROOT / 'deploy' / 'model-worker'} & wait $!"],
        env=os.environ | {"PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]])},
        capture_output=True,
        text=True,
    )
    assert "default_int_handler" in done.stdout, done.stderr


def test_the_launch_is_changed_and_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    before = (ROOT / "params.yaml").read_text()
    path.write_text(before)
    set_launch(path, 2, 8, "node1:29400")
    assert path.read_text().startswith(before.rstrip())
    added = YAML(typ="safe").load(path)["launch"]
    assert added == {"nnodes": 2, "nproc_per_node": 8, "rdzv_endpoint": "node1:29400"}
    set_launch(path, 1, 4, "node1:29400")
    assert YAML(typ="safe").load(path)["launch"] == {"nnodes": 1, "nproc_per_node": 4}
