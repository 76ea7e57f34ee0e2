"""Training side by side: ours, nanoGPT eager and compiled, transformers under its Trainer.

    python -m benchmarks.train --nanogpt FOLDER [--sizes 1M 4M 12M] [--rounds 7] [--seconds 2]

FOLDER is a checkout of nanoGPT; without one it is left out, and so is transformers where it (or
accelerate) is not installed. Every contender is a process of its own, which trains the same shape
with the same batch of 16 x 256 tokens from the same file, in float32 on two threads, and waits
while another one is at work. Rounds are interleaved; medians count. Shares are of the rate of a
large square matrix product in the same rounds; `shapes` are the model's own products alone.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.train_contender import Order
from gptpath.config.model import ModelConfig
from gptpath.config.presets import gpt2_124m
from gptpath.model.build import count_parameters, empty_model, flops_per_token


def cpu_size(n_layer: int, n_head: int, n_embd: int, vocab_size: int) -> ModelConfig:
    return replace(
        gpt2_124m(),
        n_layer=n_layer,
        n_head=n_head,
        n_embd=n_embd,
        vocab_size=vocab_size,
        context_length=256,
    )


SIZES = {
    "1M": cpu_size(4, 4, 128, 2048),
    "4M": cpu_size(4, 8, 256, 4096),
    "12M": cpu_size(6, 6, 384, 4096),
}
BATCH = 16
MATMUL_FLOPS = 2.0 * 2048**3


class Contender:
    """The parent's end of a contender's process."""

    def __init__(self, order: Order) -> None:
        self.name = order.contender
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.train_contender", json.dumps(asdict(order))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.seconds_to_start = self._read()["seconds"]
        self.steps = 1
        self.times: list[float] = []
        self.loss = float("nan")

    def run(self, steps: int) -> float:
        """Seconds a step, over `steps` steps."""
        answer = self._ask(str(steps))
        self.loss = answer["loss"]
        return answer["seconds"] / steps

    def warm_up(self, seconds: float) -> None:
        """Make two steps, then choose how many fill `seconds`."""
        self.seconds_to_start += self.run(2) * 2
        self.steps = max(1, round(seconds / self.run(1)))

    def end(self) -> dict[str, Any]:
        """Its peak memory."""
        answer = self._ask("end")
        self._process.communicate()
        return answer

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with code {self._process.wait()}")
        return json.loads(line)


def contenders(nanogpt: Path | None) -> list[str]:
    names = ["gptpath", "gptpath compiled"]
    if nanogpt is not None:
        names += ["nanoGPT", "nanoGPT compiled"]
    if all(importlib.util.find_spec(name) for name in ("transformers", "accelerate")):
        names.append("transformers")
    return names


def write_tokens(path: Path, vocab_size: int, count: int) -> None:
    """Made-up ids, some much more frequent than others, as in text."""
    draws = np.random.default_rng(0).random(count)
    (vocab_size**draws - 1).astype("<u2").tofile(path)


def race(
    config: ModelConfig,
    names: Sequence[str],
    tokens: Path,
    *,
    threads: int,
    rounds: int,
    seconds: float,
    nanogpt: Path | None,
) -> dict[str, Any]:
    """All contenders on one size, in turn."""
    running: list[Contender] = []
    for name in [*names, "matmul", "shapes"]:
        order = Order(
            contender=name,
            config=asdict(config),
            batch=BATCH,
            micro=BATCH,
            tokens=str(tokens),
            device="cpu",
            threads=threads,
            nanogpt=None if nanogpt is None else str(nanogpt),
        )
        running.append(Contender(order))
        running[-1].warm_up(seconds if name in names else seconds / 4)
    for _ in range(rounds):
        for one in running:
            one.times.append(one.run(one.steps))
    memory = {one.name: one.end() for one in running}
    medians = {one.name: statistics.median(one.times) for one in running}
    rate = MATMUL_FLOPS / medians["matmul"]
    batch_tokens = BATCH * config.context_length
    products = 6 * (12 * config.n_layer * config.n_embd + config.vocab_size) * config.n_embd
    return {
        "parameters": count_parameters(empty_model(config)),
        "matmul_gflops": rate / 1e9,
        "shapes_share": products * batch_tokens / medians["shapes"] / rate,
        "contenders": {
            one.name: {
                "tokens_per_second": batch_tokens / medians[one.name],
                "lowest": batch_tokens / max(one.times),
                "highest": batch_tokens / min(one.times),
                "share": flops_per_token(config) * batch_tokens / medians[one.name] / rate,
                "peak_mb": memory[one.name]["peak_bytes"] / 2**20,
                "peak_above_imports_mb": (
                    memory[one.name]["peak_bytes"] - memory[one.name]["imports_bytes"]
                )
                / 2**20,
                "seconds_to_start": one.seconds_to_start,
                "loss": one.loss,
            }
            for one in running
            if one.name in names
        },
    }


def table(results: dict[str, Any]) -> str:
    """Markdown of what `race` found."""
    lines = [
        "| size | | tokens/s (lowest to highest) | of matmul | peak memory, above imports | start |",
        "|---|---|---|---|---|---|",
    ]
    for size, found in results.items():
        lines.append(
            f"| {size}, {found['parameters'] / 1e6:.2f} M | its products alone | "
            f"| {found['shapes_share']:.0%} of {found['matmul_gflops']:.0f} GFLOP/s | | |"
        )
        for name, row in found["contenders"].items():
            lines.append(
                f"| | {name} | {row['tokens_per_second']:,.0f} ({row['lowest']:,.0f} to "
                f"{row['highest']:,.0f}) | {row['share']:.0%} | {row['peak_mb']:.0f} MB, "
                f"{row['peak_above_imports_mb']:.0f} MB | {row['seconds_to_start']:.1f} s |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nanogpt", type=Path)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in given.sizes:
            tokens = Path(folder) / f"{size}.bin"
            write_tokens(tokens, SIZES[size].vocab_size, 2_000_000)
            results[size] = race(
                SIZES[size],
                contenders(given.nanogpt),
                tokens,
                threads=given.threads,
                rounds=given.rounds,
                seconds=given.seconds,
                nanogpt=given.nanogpt,
            )
    print(table(results))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
