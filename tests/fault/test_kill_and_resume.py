"""A trainer killed, told to stop, or orphaned loses nothing: real processes, real signals."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fault.pretrain_checkout import MODEL, write_checkout

SCRIPT = Path(__file__).with_name("pretrain_checkout.py")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkout")
    write_checkout(root)
    return root


@pytest.fixture(scope="module")
def unbroken(checkout):
    """Digests of all outputs of a run never broken off."""
    return finish(copy_of(checkout, "unbroken"))


def copy_of(checkout, name):
    return Path(shutil.copytree(checkout, checkout.with_name(f"{checkout.name}-{name}")))


def start(root, *arguments, steps=30):
    return subprocess.Popen(
        [sys.executable, SCRIPT, root, *arguments],
        env=os.environ | {"STEPS": str(steps)},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(root, *, steps=30):
    process = start(root, steps=steps)
    process.communicate(timeout=60)
    assert process.returncode == 0
    return digests(root)


def digests(root):
    files = [path for path in root.rglob("*") if path.is_file() and "data" not in path.parts]
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def wait_for(process, line):
    for given in process.stdout:
        if given == line + "\n":
            return
    raise AssertionError(f"the trainer ended without {line!r}")


def test_only_declared_outputs_remain_and_they_are_whole(unbroken):
    model = f"models/pretrained/{MODEL}/"
    assert set(unbroken) == {
        f"metrics/pretrain/{MODEL}.json",
        *(
            model + name
            for name in (
                "config.json",
                "model.safetensors",
                "tokenizer/tokenizer.json",
                "tokenizer/tokenizer.tiktoken",
                "checkpoints/step-00000000.safetensors",
                "checkpoints/step-00000003.safetensors",
            )
        ),
    }


@pytest.mark.parametrize("step", [5, 18])
def test_a_run_killed_half_way_ends_with_the_bits_of_one_never_killed(checkout, unbroken, step):
    root = copy_of(checkout, f"killed-at-{step}")
    process = start(root, "kill-at", str(step))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert output.splitlines()[-1] == f"step {step}"
    assert not (root / "models").exists()
    resumed = start(root)
    output, _ = resumed.communicate(timeout=60)
    first = next(line for line in output.splitlines() if line.startswith("step"))
    assert first == ("step 15" if step == 18 else "step 1")  # checkpoints are due at 7, 14, ...
    assert digests(root) == unbroken


def test_a_trainer_told_to_stop_saves_at_once_and_exits_with_143(checkout):
    root = copy_of(checkout, "told")
    process = start(root, steps=2_000_000)
    wait_for(process, "step 8")
    process.send_signal(signal.SIGTERM)
    told = time.monotonic()
    output, _ = process.communicate(timeout=10)
    assert time.monotonic() - told < 5
    assert process.returncode == 143
    assert output.splitlines()[-1] == f"saved {newest(root)}"


def newest(root):
    states = sorted(root.glob(".scratch/pretrain/*/state-*/state.json"))
    return json.loads(states[-1].read_text())["step"]


def test_a_trainer_whose_parent_was_killed_saves_and_ends(checkout):
    root = copy_of(checkout, "orphan")
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {str(SCRIPT)!r}, {str(root)!r}])\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"STEPS": "2000000"},
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for(parent, "step 8")
    parent.kill()
    output, _ = parent.communicate(timeout=10)  # ends when the trainer, too, closes its output
    assert output.splitlines()[-1] == f"saved {newest(root)}"
    assert newest(root) >= 8


def test_a_second_trainer_of_the_same_run_waits_for_the_first(checkout, unbroken):
    root = copy_of(checkout, "two")
    first, second = start(root), start(root)
    first.communicate(timeout=60)
    second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert digests(root) == unbroken
