"""Section `recovery`: killed, told to stop, and in the end the run that nobody disturbed."""

import hashlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.gpu_check.child import Findings, earlier
from benchmarks.gpu_check.settings import Settings
from gptpath.config.params import Recipe
from gptpath.config.sections import Compute
from gptpath.train.job import TrainingJob, TrainingResult
from gptpath.train.worker import RESULT_FILE

STEPS, EVERY = 80, 10
TOLD_AT = 40
"""The step after which the run is told to stop; it is killed once a checkpoint is written."""
UNBROKEN = "recovery-unbroken"


def run(settings: Settings, findings: Findings, item: str) -> None:
    if "vocab_size" not in earlier(settings, "corpus"):
        findings.skip("there are no tokens to train on")
        return
    unbroken, broken = (short_job(settings, name) for name in (UNBROKEN, "recovery-broken"))
    code, _ = _train(unbroken)
    findings.check("an undisturbed run ends", code == 0, f"exit code {code}")

    code, steps = _train(broken, signal.SIGKILL, f"saved {EVERY}")
    findings.check(
        "kill -9 in the middle", code == -signal.SIGKILL, f"after step {steps[-1]}, code {code}"
    )
    start = time.monotonic()
    killed = steps[-1]
    code, steps = _train(broken, signal.SIGTERM, f"step {TOLD_AT}")
    findings.check(
        "it goes on from a checkpoint, and SIGTERM ends it with 143",
        code == 143 and EVERY < steps[0] <= killed + 1,
        f"went on at step {steps[0]}, ended after step {steps[-1]} with {code}",
    )
    findings.note(seconds_of_the_resumed_part=round(time.monotonic() - start, 1))
    code, steps = _train(broken)
    findings.check(
        "it goes on where SIGTERM ended it",
        code == 0 and steps[0] > TOLD_AT,
        f"went on at step {steps[0]}, exit code {code}",
    )
    compare(findings, "killed and resumed is never killed", broken, unbroken, tolerance=0.0)


def compare(
    findings: Findings,
    name: str,
    job: TrainingJob,
    expected: TrainingJob,
    tolerance: float,
) -> None:
    """Check two trainings against one another: the same bits, or losses within `tolerance`."""
    found, other = (
        TrainingResult.read(one.scratch / RESULT_FILE).history.train for one in (job, expected)
    )
    worst = max(
        abs(row["loss"] / reference["loss"] - 1)
        for row, reference in zip(found, other, strict=True)
    )
    same = weights(job) == weights(expected)
    detail = f"weights {'the same to the bit' if same else 'differ'}; losses by {worst:.1e} at most"
    findings.check(name, same or worst < tolerance, detail)
    findings.note(**{f"{name}: same bits": same, f"{name}: losses differ by": worst})


def weights(job: TrainingJob) -> str:
    """Digest of the final weights."""
    return hashlib.sha256((job.scratch / "model" / "model.safetensors").read_bytes()).hexdigest()


def short_job(settings: Settings, folder: str, strategy: str = "ddp") -> TrainingJob:
    """A few steps of a shallow GPT-2 with dropout, in a folder of its own."""
    tokens, tokenizer = settings.token_folders
    scratch = settings.work / folder
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    vocab_size = earlier(settings, "corpus")["vocab_size"]
    changes = {} if settings.small else {"n_layer": 2}
    return TrainingJob(
        config=settings.shape("gpt2_124m", vocab_size=vocab_size, dropout=0.1, **changes),
        recipe=Recipe(
            steps=STEPS,
            batch_size_sequences=16,
            micro_batch_size_sequences=2 if settings.small else 8,
            learning_rate=6e-4,
            warmup_steps=4,
            log_every_steps=1,
            validate_every_steps=STEPS,
            validation_tokens=4 * 1024,
            checkpoint_every_steps=EVERY,
            published_checkpoints=1,
        ),
        seed=3,
        compute=Compute(device=settings.device, threads=1, compile=not settings.small),
        strategy="fsdp" if strategy == "fsdp" else "ddp",
        tokens=tokens,
        tokenizer=tokenizer,
        scratch=scratch,
    )


def _train(
    job: TrainingJob, signum: signal.Signals | None = None, at: str = ""
) -> tuple[int, list[int]]:
    """Train in a process, which gets a signal when it says `at`; its exit code and its steps."""
    path = Path(job.scratch / "job.json")
    job.write(path)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gpu_check.trainer", str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None, "asked for"
    steps = [0]
    for line in process.stdout:
        if line.startswith("step "):
            steps.append(int(line.split()[1]))
        if line.strip() == at and signum is not None:
            process.send_signal(signum)
    code = process.wait()
    return code, steps[1:] or steps
