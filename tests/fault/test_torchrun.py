"""The stage with ranks under torchrun: real processes, real signals."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.fault.pretrain_checkout import write_checkout

pytestmark = pytest.mark.slow

STEPS = 200
SCRIPT = Path(__file__).with_name("pretrain_checkout.py")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkout")
    write_checkout(root)
    return root


@pytest.fixture(scope="module")
def unbroken(checkout):
    """Digests of the outputs of two ranks that nobody disturbed."""
    root = copy_of(checkout, "unbroken")
    process = start(root)
    process.communicate(timeout=90)
    assert process.returncode == 0
    return digests(root)


def copy_of(checkout, name):
    return Path(shutil.copytree(checkout, checkout.with_name(f"{checkout.name}-{name}")))


def start(root, *, steps=STEPS, strategy="ddp"):
    return subprocess.Popen(
        [sys.executable, SCRIPT, root],
        env=os.environ | {"STEPS": str(steps), "RANKS": "2", "STRATEGY": strategy},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(process, line):
    for given in process.stdout:
        if given == line + "\n":
            return
    raise AssertionError(f"the trainer ended without {line!r}")


def digests(root):
    folders = (root / "models", root / "metrics")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def ranks_of(process):
    """Processes of the ranks: the children of torchrun, the first rank first."""
    (torchrun,) = psutil.Process(process.pid).children()
    return sorted(torchrun.children(), key=lambda rank: int(rank.environ()["RANK"]))


@pytest.mark.parametrize("rank", [0, 1])
def test_a_run_whose_rank_is_killed_starts_again_by_itself_and_loses_nothing(
    checkout, unbroken, rank
):
    root = copy_of(checkout, f"rank-{rank}")
    process = start(root)
    wait_for(process, "step 8")
    ranks_of(process)[rank].kill()
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0
    assert output.splitlines().count(f"step {STEPS}") == 1
    assert digests(root) == unbroken


def test_ranks_told_to_stop_save_at_once_and_go_on_later(checkout, unbroken):
    root = copy_of(checkout, "told")
    process = start(root)
    wait_for(process, "step 8")
    process.send_signal(signal.SIGTERM)
    told = time.monotonic()
    output, _ = process.communicate(timeout=30)
    assert time.monotonic() - told < 10
    assert process.returncode == 143
    (state,) = sorted(root.glob(".scratch/pretrain/*/state-*"))[-1:]
    step = json.loads((state / "state.json").read_text())["step"]
    assert output.splitlines()[-1] == f"saved {step}"
    assert step < STEPS
    resumed = start(root)
    output, _ = resumed.communicate(timeout=90)
    first = next(line for line in output.splitlines() if line.startswith("step"))
    assert first == f"step {step + 1}"
    assert digests(root) == unbroken


def test_ranks_whose_stage_was_killed_save_and_end(checkout):
    root = copy_of(checkout, "orphans")
    process = start(root, steps=2_000_000, strategy="fsdp")
    wait_for(process, "step 8")
    left = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=60)  # ends when the ranks, too, close their output
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive
    (scratch,) = (path for path in root.glob(".scratch/pretrain/*") if path.is_dir())
    lines = (scratch / "events.jsonl").read_text().splitlines()
    assert json.loads(lines[-1]) == {"stopped": signal.SIGTERM}
    steps = [json.loads(line)["values"]["step"] for line in lines if "CheckpointSaved" in line]
    assert (scratch / f"state-{steps[-1]:08d}" / "state.json").is_file()


def test_an_error_of_ours_is_told_by_the_stage_and_not_tried_again(checkout):
    root = copy_of(checkout, "damaged")
    shard = root / "data" / "tokens" / "train-00000.tokens"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    process = subprocess.run(
        [sys.executable, SCRIPT, root],
        env=os.environ | {"RANKS": "2"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 1
    last = process.stderr.splitlines()[-1]
    assert last.startswith("gptpath.errors.TokenError: ")
    assert "train-00000.tokens is corrupt" in last
