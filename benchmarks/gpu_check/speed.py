"""Section `speed@SIZE`: how fast one GPT-2 trains, compiled, with a micro-batch of its choosing."""

import shutil
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.gpu_check.child import Findings, earlier
from benchmarks.gpu_check.machine import clock
from benchmarks.gpu_check.settings import Settings
from gptpath.config.model import ModelConfig
from gptpath.config.params import Recipe
from gptpath.events import ignore
from gptpath.model.build import count_parameters, empty_model, flops_per_token
from gptpath.model.device import configure
from gptpath.tokens.shards import TokenSplit
from gptpath.train.batches import Batches
from gptpath.train.loop import Trainer
from gptpath.train.memory import divisors
from gptpath.train.micro_batch import search_micro_batch
from gptpath.train.peaks import peak_flops
from gptpath.train.stopping import StopSignal
from gptpath.train.validation import Validation

AIMS = {"gpt2_124m": 636_000, "gpt2_1558m": 53_000}
"""Tokens a second on an H100: told, not held against the run."""
SEQUENCES = {"gpt2_124m": 256, "gpt2_355m": 128, "gpt2_774m": 64, "gpt2_1558m": 64}
"""Of a step: enough for the update to weigh little, as in the recipe's batch of 512."""
_MOST_SECONDS = {"cuda": 7.0, "cpu": 1.0}


def run(settings: Settings, findings: Findings, item: str) -> None:
    configure(threads=torch.get_num_threads())
    config = settings.shape(item)
    sequences = 8 if settings.small else SEQUENCES[item]
    recipe = Recipe(
        steps=10**6,
        batch_size_sequences=sequences,
        micro_batch_size_sequences="auto",
        learning_rate=2e-4,
        warmup_steps=0,
        beta2=0.95,
        weight_decay=0.1,
    )
    micro, facts = search_micro_batch(
        sequences,
        device=torch.device(settings.device),
        config=config,
        recipe=recipe,
        precision="auto",
    )
    findings.note(parameters=count_parameters(empty_model(config)), probe=facts)
    for size in reversed([d for d in divisors(sequences) if d <= micro]):
        try:
            _measure(settings, findings, item, config, recipe, size)
            return
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            findings.note(**{f"out_of_memory_at_{size}": True})
    findings.check("one sequence fits", False, "out of memory")


def _measure(
    settings: Settings,
    findings: Findings,
    item: str,
    config: ModelConfig,
    recipe: Recipe,
    micro: int,
) -> None:
    device = torch.device(settings.device)
    trainer = _trainer(settings, item, config, recipe, micro)
    try:
        start = clock(device)
        losses = [trainer._update()[0]]
        findings.note(micro_batch_size_sequences=micro, seconds_to_first_step=clock(device) - start)
        trainer.step += 1
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        most = min(_MOST_SECONDS[device.type], findings.seconds_left() - 10)
        seconds = _time_steps(trainer, device, most)
        losses.append(trainer._update()[0])
        waits = _waits(trainer) if device.type == "cuda" else None
        if device.type == "cuda" and findings.seconds_left() > 20:
            trainer.repeatable = False
            trainer._update()
            found = _time_steps(trainer, device, most / 2)
            findings.note(tokens_per_second_not_repeatable=trainer.tokens(1) / found)
    finally:
        trainer._prefetch.close()
    rate = trainer.tokens(1) / seconds
    findings.note(**_rates(settings, config, rate))
    if device.type == "cuda":
        findings.note(peak_memory_bytes=torch.cuda.max_memory_allocated())
    if waits is not None:
        findings.check("nothing waits for the device inside a step", not waits, waits or "no wait")
    values = [loss.item() for loss in losses]
    findings.check(
        "the loss falls on text that can be learned",
        bool(np.isfinite(values).all()) and values[-1] < values[0],
        f"{values[0]:.3f} to {values[-1]:.3f}",
    )
    if item in AIMS and not settings.small:
        findings.note(aim_tokens_per_second=AIMS[item], aim_reached=rate >= AIMS[item])


def _trainer(
    settings: Settings, item: str, config: ModelConfig, recipe: Recipe, micro: int
) -> Trainer:
    """A training on made-up text, some tokens far more frequent than others; nothing is saved."""
    ids = (config.vocab_size ** np.random.default_rng(0).random(4_000_000) - 1).astype("<u2")
    split = TokenSplit([ids], vocab_size=config.vocab_size, documents=1, text_bytes=ids.size)
    scratch = settings.work / f"speed-{item}"
    shutil.rmtree(scratch, ignore_errors=True)
    model = empty_model(config).to_empty(device=settings.device)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.02) if parameter.dim() > 1 else parameter.zero_()
        for module in model.modules():
            if isinstance(module, nn.LayerNorm):
                module.weight.fill_(1.0)
    return Trainer(
        model=model.train(),
        recipe=replace(recipe, micro_batch_size_sequences=micro),
        batches=Batches(
            split,
            context_length=config.context_length,
            batch_size=recipe.batch_size_sequences,
            seed=0,
        ),
        validation=Validation(
            split=split,
            token_bytes=np.ones(config.vocab_size, np.int64),
            batch_size=micro,
            precision="auto",
        ),
        seed=0,
        precision="auto",
        compile=settings.device == "cuda",
        scratch=scratch,
        stop=StopSignal(),
        emit=ignore,
    )


def _time_steps(trainer: Trainer, device: torch.device, seconds: float) -> float:
    """Seconds of a step: the median of rounds that follow one another without a pause."""
    times: list[float] = []
    end = time.monotonic() + seconds
    steps = 1
    while time.monotonic() < end or len(times) < 2:
        start = clock(device)
        for _ in range(steps):
            trainer._update()
            trainer.step += 1
        times.append((clock(device) - start) / steps)
        steps = max(1, min(20, round(1.0 / times[-1])))
    return sorted(times[1:])[len(times[1:]) // 2]


def _waits(trainer: Trainer) -> str:
    """What torch says of a wait for the device inside a step; empty if there is none."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer._update()
    except RuntimeError as error:
        return str(error).splitlines()[0]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return ""


def _rates(settings: Settings, config: ModelConfig, rate: float) -> dict[str, Any]:
    """Tokens a second, and what share of the device they are."""
    machine = earlier(settings, "machine")
    flops = flops_per_token(config) * rate
    peak = peak_flops(str(machine.get("chip")))
    matmul = machine.get("matmul_flops")
    return {
        "tokens_per_second": rate,
        "mfu": "unknown" if peak == "unknown" else flops / peak,
        "share_of_matmul_rate": flops / matmul if matmul else "unknown",
    }
