"""Section `pretraining`: GPT-2 small on real text for as long as there is time, with its ledger."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_check.child import Findings, earlier
from benchmarks.gpu_check.settings import Settings
from gptpath.config.params import Recipe
from gptpath.config.sections import Compute
from gptpath.events import Evaluated, Event, StepFinished
from gptpath.model.build import flops_per_token
from gptpath.model.device import configure
from gptpath.train.attempts import costs
from gptpath.train.job import TrainingJob, train
from gptpath.train.ledger import Meter, account, machine
from gptpath.train.micro_batch import recorded_choice
from gptpath.train.stopping import StopRequested, StopSignal

FOLDER = "pretraining"
_START_SECONDS, _END_SECONDS = 35.0, 15.0
"""Of compilation before the first step; of the last measurement and the model's files."""
_CAUTIOUS_RATE = 200_000.0
"""Tokens a second, where no measurement says more."""


class Deadline(StopSignal):
    """Asks for a stop when the section's time is nearly over."""

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self._findings = findings

    def check(self) -> None:
        """Raise StopRequested if the section must come to an end, or the process."""
        if self._findings.seconds_left() < 0.8 * _END_SECONDS:
            raise StopRequested(15)
        super().check()


def run(settings: Settings, findings: Findings, item: str) -> None:
    corpus = earlier(settings, "corpus")
    if "vocab_size" not in corpus:
        findings.skip("there are no tokens to train on")
        return
    threads = min(8, torch.get_num_threads())
    configure(threads)
    job = _job(settings, findings, corpus, threads)
    curve: list[dict[str, Any]] = []
    held_out: list[dict[str, Any]] = []

    def listen(event: Event) -> None:
        if isinstance(event, StepFinished):
            curve.append(
                {"step": event.step, "tokens": event.tokens, "loss": event.loss}
                | {"grad_norm": event.grad_norm, "tokens_per_second": event.tokens_per_second}
                | {"mfu": event.mfu}
            )
        elif isinstance(event, Evaluated):
            held_out.append({"step": event.step} | dict(event.values))
            findings.note(curve=curve, validation=held_out)

    meter = Meter().start()
    try:
        result = train(job, stop=Deadline(findings), emit=listen)
        findings.note(final=result.final.loss, bits_per_byte=result.final.bpb)
    except StopRequested:
        findings.note(stopped=f"by the section's time after {len(curve)} lines of the curve")
    reading = meter.read()
    _note_ledger(settings, findings, job, reading)
    findings.note(curve=curve, validation=held_out)
    first, last = held_out[0]["validation/loss"], held_out[-1]["validation/loss"]
    what = "held-out loss"
    if "stopped" in findings.facts and curve:  # it may have come to no second measurement
        what, last = "loss, until time was over,", curve[-1]["loss"]
    fall = 0.3 if settings.small else 1.5
    findings.check(
        f"the {what} falls by {fall} nats", last < first - fall, f"{first:.3f} to {last:.3f}"
    )


def _job(
    settings: Settings, findings: Findings, corpus: dict[str, Any], threads: int
) -> TrainingJob:
    config = settings.shape("gpt2_124m", vocab_size=corpus["vocab_size"])
    tokens, tokenizer = settings.token_folders
    batch = 8 if settings.small else 64
    steps = 150
    if not settings.small:
        rate = earlier(settings, "speed@gpt2_124m").get("tokens_per_second", _CAUTIOUS_RATE)
        seconds = findings.seconds_left() - _START_SECONDS - _END_SECONDS
        steps = max(40, int(0.8 * seconds * rate / (batch * config.context_length)))
    scratch = settings.work / FOLDER
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    return TrainingJob(
        config=config,
        recipe=Recipe(
            steps=steps,
            batch_size_sequences=batch,
            micro_batch_size_sequences="auto",
            learning_rate=3e-3 if settings.small else 6e-4,
            warmup_steps=steps // 10,
            beta2=0.95,
            weight_decay=0.1,
            log_every_steps=max(1, steps // 100),
            validate_every_steps=max(1, steps // 6),
            validation_tokens=8 * config.context_length if settings.small else 262_144,
            checkpoint_every_steps=steps,
            published_checkpoints=1,
        ),
        seed=1,
        compute=Compute(device=settings.device, threads=threads, compile=not settings.small),
        strategy="ddp",
        tokens=tokens,
        tokenizer=tokenizer,
        scratch=scratch,
    )


def _note_ledger(
    settings: Settings, findings: Findings, job: TrainingJob, reading: dict[str, Any]
) -> None:
    """Write the run's ledger beside the results, as the stage would (docs/formats.md)."""
    attempts = [cost | {"earlier": False} for cost in costs(job.scratch)]
    tokens = sum(attempt["tokens"] for attempt in attempts)
    flops = float(tokens * flops_per_token(job.config))
    ledger = account(reading, attempts, flops) | {
        "machine": machine(),
        "tokens": tokens,
        "flops": flops,
        "chosen": {"micro_batch_size_sequences": recorded_choice(job.scratch)},
    }
    path = Path(settings.out) / "ledger.json"
    path.write_text(json.dumps(ledger, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    findings.note(ledger=ledger)
    if settings.device == "cuda":
        source = ledger["energy_source"]
        findings.check("energy is measured by NVML", source == "nvml", f"source: {source}")
