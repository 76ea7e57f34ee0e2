"""One contender of the training benchmarks, in a process of its own.

Started by `benchmarks.train` and `benchmarks.gpu_check` with a JSON object as its only argument.
It prepares itself, then answers every line `N` on standard input with one line of JSON: the
seconds of N optimiser steps, loss included. The line `end` asks for its peak memory and ends it.
"""

import json
import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import train_peers
from gptpath.config.model import ModelConfig
from gptpath.config.sections import Recipe


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a contender is to train."""

    contender: str
    config: dict[str, Any]
    batch: int
    """Sequences of a step."""
    micro: int
    """Sequences of a forward pass."""
    tokens: str
    """File of uint16 token ids."""
    device: str
    threads: int
    nanogpt: str | None = None

    @property
    def shape(self) -> ModelConfig:
        """The model's."""
        return ModelConfig(**self.config)

    @property
    def precision(self) -> str:
        """Of the matrix products."""
        return "bfloat16" if self.device == "cuda" else "float32"


class Control:
    """Runs steps when asked to, and answers how long they took."""

    def __init__(self, device: str) -> None:
        self._device, self._left, self._start = device, 0, 0.0
        self._born = time.perf_counter()
        self._before = _peak_bytes()
        self._first = True

    def next_step(self, loss: Callable[[], float] | None) -> bool:
        """To be called before every step; False when there is to be none."""
        if self._left == 0:
            if not self._first and loss is not None:
                value = loss()  # waits for the device
                self._answer(seconds=time.perf_counter() - self._start, loss=value)
            if self._first:
                self._answer(seconds=time.perf_counter() - self._born, loss=math.nan)
            self._first = False
            line = sys.stdin.readline().strip()
            if line in ("", "end"):
                self._answer(peak_bytes=_peak_bytes(), imports_bytes=self._before, **self._gpu())
                return False
            self._left, self._start = int(line), time.perf_counter()
        self._left -= 1
        return True

    def _gpu(self) -> dict[str, int]:
        return {"gpu_bytes": torch.cuda.max_memory_allocated()} if self._device == "cuda" else {}

    def _answer(self, **values: float) -> None:
        print(json.dumps(values), file=sys.__stdout__, flush=True)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def ours(order: Order, control: Control, *, compiled: bool) -> None:
    """The library's own loop, which asks its stop signal before every step."""
    import tempfile

    from gptpath.events import ignore
    from gptpath.model.build import build_model
    from gptpath.model.device import configure
    from gptpath.tokens.shards import TokenSplit
    from gptpath.train.batches import Batches
    from gptpath.train.loop import Trainer
    from gptpath.train.stopping import StopSignal
    from gptpath.train.validation import Validation

    configure(order.threads)
    shape = order.shape
    ids = np.fromfile(order.tokens, dtype="<u2")
    split = TokenSplit([ids], vocab_size=shape.vocab_size, documents=1, text_bytes=ids.size)
    losses: list[torch.Tensor] = []

    class Stop(StopSignal):
        def check(self) -> None:
            if not control.next_step(lambda: losses[-1].item()):
                raise SystemExit(0)

    model = build_model(shape, seed=0).to(order.device)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            recipe=Recipe(
                steps=10**6,
                batch_size_sequences=order.batch,
                micro_batch_size_sequences=order.micro,
                learning_rate=train_peers.LEARNING_RATE,
                warmup_steps=0,
                beta1=train_peers.BETAS[0],
                beta2=train_peers.BETAS[1],
                weight_decay=train_peers.DECAY,
                grad_clip=train_peers.CLIP,
                validate_every_steps=10**6,
                checkpoint_every_steps=10**6,
                published_checkpoints=0,
            ),
            batches=Batches(
                split, context_length=shape.context_length, batch_size=order.batch, seed=0
            ),
            validation=Validation(
                split=split,
                token_bytes=np.ones(shape.vocab_size, dtype=np.int64),
                batch_size=1,
                precision=order.precision,
            ),
            seed=0,
            precision=order.precision,
            compile=compiled,
            scratch=Path(scratch),
            stop=Stop(),
            emit=ignore,
        )
        trainer.history.validation.append({"step": 0})  # measured already, as it were
        log = trainer._log.add

        def add(step: int, loss: torch.Tensor, *rest: Any, **named: Any) -> None:
            losses[:] = [loss]
            log(step, loss, *rest, **named)

        trainer._log.add = add
        trainer.run()


def matmul(order: Order, control: Control) -> None:
    """Matrix products of one large square size: the rate that a step is measured against."""
    torch.set_num_threads(order.threads)
    cuda = order.device == "cuda"
    size = 8192 if cuda else 2048
    dtype = torch.bfloat16 if cuda else torch.float32
    a, b = (torch.randn(size, size, device=order.device, dtype=dtype) for _ in range(2))
    c = torch.mm(a, b)
    while control.next_step(lambda: c[0, 0].item()):
        torch.mm(a, b, out=c)


def shapes(order: Order, control: Control) -> None:
    """The products of one step of the model, and nothing else, each as one call."""
    torch.set_num_threads(order.threads)
    shape, cuda = order.shape, order.device == "cuda"
    made = partial(
        torch.randn, device=order.device, dtype=torch.bfloat16 if cuda else torch.float32
    )
    n, d = order.micro * shape.context_length, shape.n_embd
    sides = [(d, 3 * d), (d, d), (d, 4 * d), (4 * d, d)] * shape.n_layer + [(d, shape.vocab_size)]
    x = {i: made(n, i) for pair in sides for i in pair}
    w = {pair: made(pair[1], pair[0]) for pair in sides}
    last = [torch.zeros(1, 1)]
    while control.next_step(lambda: last[0][0, 0].item()):
        for _ in range(order.batch // order.micro):
            for pair in sides:
                last[:] = [x[pair[0]] @ w[pair].t()]
                last[:] = [x[pair[1]] @ w[pair]]
                last[:] = [x[pair[1]].t() @ x[pair[0]]]


CONTENDERS: dict[str, Callable[[Order, Control], None]] = {
    "gptpath": lambda order, control: ours(order, control, compiled=False),
    "gptpath compiled": lambda order, control: ours(order, control, compiled=True),
    "nanoGPT": lambda order, control: train_peers.nanogpt(order, control, compiled=False),
    "nanoGPT compiled": lambda order, control: train_peers.nanogpt(order, control, compiled=True),
    "transformers": train_peers.transformers,
    "matmul": matmul,
    "shapes": shapes,
}


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    sys.stdout = sys.stderr  # what the contenders print
    CONTENDERS[order.contender](order, Control(order.device))


if __name__ == "__main__":
    main()
