"""One rank of a training under torchrun: `python -m gptpath.train.worker JOB.json`.

Its exit code is 0 wherever starting again would not help: finished, stopped, or an error of ours.
torchrun starts all ranks again after any other.
"""

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from gptpath.errors import GptPathError
from gptpath.events import Emit, ignore
from gptpath.model.device import configure
from gptpath.train.job import TrainingJob, TrainingResult, train
from gptpath.train.parallel import Parallel, SharedStop, joined
from gptpath.train.relay import Teller
from gptpath.train.scratch import locked
from gptpath.train.stopping import StopRequested, StopSignal, stop_on_signals

EVENTS_FILE, RESULT_FILE = "events.jsonl", "result.json"
"""What the first rank leaves in the scratch folder."""

STAGE_PROCESS = "GPTPATH_STAGE_PID"
"""Environment variable: the process on this machine that waits for the training."""


def main(job_file: Path) -> None:
    """Take this process's part in the training that `job_file` describes."""
    job = TrainingJob.read(job_file)
    configure(job.compute.threads)
    watched = os.environ.get(STAGE_PROCESS)
    with (
        stop_on_signals(int(watched) if watched else None) as stop,
        joined(job.strategy, job.compute.device) as parallel,
    ):
        if parallel.rank == 0:
            _lead(job, parallel, stop)
        else:
            with suppress(GptPathError, StopRequested):  # the first rank tells
                _train(job, parallel, stop, ignore)


def _lead(job: TrainingJob, parallel: Parallel, stop: StopSignal) -> None:
    """Train as the first rank, which tells the stage what happens."""
    teller = Teller(job.scratch / EVENTS_FILE)
    logging.basicConfig(level=logging.WARNING, handlers=[teller], force=True)
    logging.getLogger("gptpath").setLevel(logging.INFO)
    try:
        # Ranks whose stage or torchrun was killed may still be writing their last state.
        with locked(job.scratch / "ranks.lock", between=stop.check):
            result = _train(job, parallel, stop, teller.tell)
        result.write(job.scratch / RESULT_FILE)
    except StopRequested as request:
        teller.stopped(request.signum)
    except GptPathError as error:
        teller.failed(error)


def _train(job: TrainingJob, parallel: Parallel, stop: StopSignal, emit: Emit) -> TrainingResult:
    assert parallel.group is not None, "ranks under torchrun are joined"
    shared = SharedStop(stop, parallel.group)
    return train(job, stop=shared, emit=emit, parallel=parallel)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
