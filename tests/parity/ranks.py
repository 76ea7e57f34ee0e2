"""Ranks as forked processes: the worker of gptpath.train, without torchrun and its start-up."""

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gptpath.config.params import Recipe
from gptpath.config.presets import gpt1_laptop
from gptpath.config.sections import Compute
from gptpath.events import ignore
from gptpath.model.device import configure
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.shards import SplitWriter, write_index
from gptpath.train.job import TrainingJob, TrainingResult, train
from gptpath.train.stopping import StopSignal
from gptpath.train.worker import RESULT_FILE, main
from tests.forkserver import FORKSERVER

CONFIG = replace(
    gpt1_laptop(),
    vocab_size=257,
    n_layer=2,
    n_head=2,
    n_embd=32,
    context_length=16,
    dropout=0.1,
    init_std=0.02,
)
RECIPE = Recipe(
    steps=24,
    batch_size_sequences=8,
    micro_batch_size_sequences=1,
    learning_rate=3e-3,
    warmup_steps=4,
    log_every_steps=1,
    validate_every_steps=8,
    checkpoint_every_steps=12,
    kept_states=9,
    published_checkpoints=2,
)


def write_data(root: Path) -> None:
    """Write a byte tokenizer, and tokens of a walk that can be learned."""
    write_tokenizer(root / "tokenizer", [bytes([value]) for value in range(256)], name="bytes")
    generator = np.random.default_rng(0)
    splits = {}
    for split, count in (("train", 4000), ("validation", 450)):
        writer = SplitWriter(root / "tokens", split, vocab_size=257, shard_tokens=10_000)
        walk = np.cumsum(generator.integers(0, 3, size=count)) % 64
        writer.append([*walk.tolist(), 256], text_bytes=count)
        splits[split] = writer.finish()
    write_index(root / "tokens", vocab_size=257, splits=splits)


def job_in(root: Path, scratch: Path, strategy: str = "ddp", **recipe: object) -> TrainingJob:
    """A small training on the data in `root`."""
    scratch.mkdir(parents=True, exist_ok=True)
    return TrainingJob(
        config=CONFIG,
        recipe=replace(RECIPE, **recipe),
        seed=5,
        compute=Compute(device="cpu"),
        strategy=strategy,
        tokens=root / "tokens",
        tokenizer=root / "tokenizer",
        scratch=scratch,
    )


def train_on(ranks: int, job: TrainingJob) -> TrainingResult:
    """Train with so many ranks; returns what they came to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return _join([(_rank, (rank, ranks, port)) for rank in range(ranks)], job)


def train_alone(job: TrainingJob) -> TrainingResult:
    """Train in one process that knows of no ranks."""
    return _join([(_alone, ())], job)


def _join(targets: list[tuple[Callable[..., None], tuple[int, ...]]], job: TrainingJob) -> Any:
    path = job.scratch / "job.json"
    job.write(path)
    processes = [
        FORKSERVER.Process(target=target, args=(path, *given)) for target, given in targets
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * len(processes)
    return TrainingResult.read(job.scratch / RESULT_FILE)


def _alone(job_file: Path) -> None:
    job = TrainingJob.read(job_file)
    configure(job.compute.threads)
    train(job, stop=StopSignal(), emit=ignore).write(job.scratch / RESULT_FILE)


def _rank(job_file: Path, rank: int, ranks: int, port: int) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(ranks),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    main(job_file)
