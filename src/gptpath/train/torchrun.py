"""Training in several processes: starts torchrun, passes signals on, and hears the first rank."""

import logging
import os
import shlex
import subprocess
import sys
from pathlib import Path

from gptpath import errors
from gptpath.config.launch import Launch
from gptpath.errors import GptPathError, TrainingError
from gptpath.events import Emit
from gptpath.train.job import TrainingJob, TrainingResult
from gptpath.train.parallel import check_division
from gptpath.train.relay import Listener
from gptpath.train.stopping import StopRequested, StopSignal
from gptpath.train.worker import EVENTS_FILE, RESULT_FILE, STAGE_PROCESS

logger = logging.getLogger(__name__)

ENVIRONMENT = {
    # How long torchrun waits for ranks that were told to stop: the largest state must be written.
    "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "120",
    # A store of its own for each attempt. In the shared one (torch 2.13) ranks that start again
    # find the addresses of those that died, and wait for them.
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
}
"""Settings of torchrun, the same on all nodes."""


def train_under_torchrun(
    job: TrainingJob, launch: Launch, *, stop: StopSignal, emit: Emit
) -> TrainingResult:
    """Train with the ranks of `launch`; returns what the first of them came to.

    Raises:
        ConfigError: if the batch does not divide among the ranks.
        StopRequested: when told to stop, after the ranks have saved their state.
        TrainingError: if ranks die more often than `launch.max_restarts`.
    """
    recipe = job.recipe
    check_division(recipe.batch_size_sequences, recipe.micro_batch_size_sequences, launch.ranks)
    job_file, result_file = job.scratch / "job.json", job.scratch / RESULT_FILE
    job.write(job_file)
    result_file.unlink(missing_ok=True)
    command = torchrun_command(launch, job_file)
    if launch.nnodes > 1:
        settings = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        line = shlex.join(["env", *settings, "python", *command[1:]])
        logger.info("on each other node run: %s", line)
    listener = Listener(job.scratch / EVENTS_FILE, emit)
    try:
        code, signum = _follow(command, job.compute.threads, listener, stop)
    finally:
        listener.close()
    if signum is not None or listener.stopped is not None:
        raise StopRequested(signum or listener.stopped or 0)
    if code == 0 and result_file.is_file():  # whatever an attempt before it came to
        return TrainingResult.read(result_file)
    if listener.failure is not None:
        name, text = listener.failure
        raise getattr(errors, name, GptPathError)(text)
    raise TrainingError(
        f"torchrun ended with exit code {code} after at most {launch.max_restarts} restarts; "
        "expected 0; what its processes wrote stands above; run again to go on from the newest "
        "state"
    )


def torchrun_command(launch: Launch, job_file: Path) -> list[str]:
    """The command that starts the ranks of one node."""
    if launch.nnodes == 1:
        meeting = ["--standalone"]
    else:
        name = job_file.parent.name  # the same on all nodes, and no other run's
        meeting = [
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={launch.rdzv_endpoint}",
            f"--rdzv-id={name}",
        ]
    return [
        sys.executable,
        "-m",
        "torch.distributed.run",
        f"--nnodes={launch.nnodes}",
        f"--nproc-per-node={launch.nproc_per_node}",
        f"--max-restarts={launch.max_restarts}",
        *meeting,
        "--monitor-interval=0.2",
        "-m",
        "gptpath.train.worker",
        str(job_file),
    ]


def _follow(
    command: list[str], threads: int, listener: Listener, stop: StopSignal
) -> tuple[int, int | None]:
    """Run torchrun to its end; returns its exit code, and the signal by which we were stopped."""
    process = subprocess.Popen(
        command,
        env=os.environ
        | ENVIRONMENT
        | {STAGE_PROCESS: str(os.getpid()), "OMP_NUM_THREADS": str(threads)},
        start_new_session=True,  # Ctrl-C reaches us alone, and torchrun but once
    )
    told: int | None = None
    try:
        while True:
            try:
                return process.wait(0.1), told
            except subprocess.TimeoutExpired:
                listener.listen()
            if told is None and (told := stop.requested()) is not None:
                process.terminate()
    except BaseException:
        process.terminate()
        raise
