"""A trainer that can be killed: `python -m benchmarks.gpu_check.trainer JOB.json`, line by line."""

import sys
from pathlib import Path

from gptpath.events import CheckpointSaved, Event, StepFinished
from gptpath.model.device import configure
from gptpath.train.job import TrainingJob, train
from gptpath.train.stopping import stop_on_signals
from gptpath.train.worker import RESULT_FILE


def tell(event: Event) -> None:
    if isinstance(event, StepFinished):
        print(f"step {event.step}", flush=True)
    elif isinstance(event, CheckpointSaved) and event.path.is_dir():
        print(f"saved {event.step}", flush=True)


def main() -> None:
    job = TrainingJob.read(Path(sys.argv[1]))
    configure(job.compute.threads)
    with stop_on_signals() as stop:
        train(job, stop=stop, emit=tell).write(job.scratch / RESULT_FILE)


if __name__ == "__main__":
    main()
