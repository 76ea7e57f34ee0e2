"""Section `ranks`: the same training under torchrun, with DDP and with FSDP2."""

import torch

from benchmarks.gpu_check.child import Findings, earlier
from benchmarks.gpu_check.recovery import UNBROKEN, compare, short_job
from benchmarks.gpu_check.settings import Settings
from gptpath.config.launch import Launch
from gptpath.events import ignore
from gptpath.train.job import TrainingJob, TrainingResult
from gptpath.train.stopping import stop_on_signals
from gptpath.train.torchrun import train_under_torchrun
from gptpath.train.worker import RESULT_FILE

_TOLERANCE = 2e-2
"""Of losses, relative: where compiled code is cut otherwise, so are sums and dropout's masks."""
_MOST_RANKS = 2
"""The short run's batch is two micro-batches."""


def run(settings: Settings, findings: Findings, item: str) -> None:
    unbroken = settings.work / UNBROKEN / "job.json"
    if "vocab_size" not in earlier(settings, "corpus"):
        findings.skip("there are no tokens to train on")
        return
    ranks = 2 if settings.small else min(_MOST_RANKS, torch.cuda.device_count())
    findings.note(ranks=ranks)
    for strategy in ("ddp", "fsdp"):
        job = short_job(settings, f"ranks-{strategy}", strategy)
        launch = Launch(nproc_per_node=ranks, strategy=job.strategy, max_restarts=0)
        with stop_on_signals() as stop:
            result = train_under_torchrun(job, launch, stop=stop, emit=ignore)
        _check_learning(findings, strategy, ranks, result)
        if unbroken.with_name(RESULT_FILE).is_file():
            compare(
                findings,
                f"{strategy} is the run of one process",
                job,
                TrainingJob.read(unbroken),
                _TOLERANCE,
            )


def _check_learning(findings: Findings, strategy: str, ranks: int, result: TrainingResult) -> None:
    losses = [row["loss"] for row in result.history.train]
    findings.check(
        f"{strategy} on {ranks} ranks learns",
        losses[-1] < losses[0],
        f"{losses[0]:.3f} to {losses[-1]:.3f}",
    )
