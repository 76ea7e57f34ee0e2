"""Killed twenty times at random moments of one run, in the middle of whatever it does."""

import hashlib
import os
import random
import re
import shutil
import signal
import time

import pytest

from tests.fault.pretrain_checkout import tiny_params, train_into, write_checkout
from tests.forkserver import FORKSERVER

KILLS = 20
MOST_STEPS_BETWEEN = 8
PARAMS = tiny_params(
    steps=400, checkpoint_every_steps=3, validate_every_steps=25, log_every_steps=1
)


def trainer(root, log):
    return FORKSERVER.Process(target=train_into, args=(log, root, PARAMS))


def finish(root):
    process = trainer(root, root / "log")
    process.start()
    process.join(60)
    assert process.exitcode == 0
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and ("models" in path.parts or "metrics" in path.parts)
    }


def kill_after(root, log, steps, delay):
    """Start a trainer and kill it when it has logged `steps` lines; returns the last step told."""
    process = trainer(root, log)
    process.start()
    deadline = time.monotonic() + 60
    while (
        len(told := re.findall(r"^step (\d+)\n", log.read_text() if log.exists() else "", re.M))
        < steps
    ):
        assert process.is_alive(), "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    assert process.exitcode == -signal.SIGKILL
    return int(told[-1])


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_with_the_bits_of_one_never_killed(tmp_path):
    write_checkout(tmp_path / "whole")
    root = shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    whole = finish(tmp_path / "whole")
    chooser = random.Random(0)
    reached = []
    for kill in range(KILLS):
        steps, delay = chooser.randint(1, MOST_STEPS_BETWEEN), chooser.uniform(0, 0.005)
        reached.append(kill_after(root, tmp_path / f"log-{kill}", steps, delay))
    assert reached[-1] > 30  # the run got on between the kills
    assert finish(root) == whole
