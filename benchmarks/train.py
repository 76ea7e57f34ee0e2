"""Training side by side: ours, nanoGPT eager and compiled, transformers under its Trainer.

    python -m benchmarks.train --nanogpt FOLDER [--sizes 1M 4M 12M] [--rounds 7] [--seconds 2]
    python -m benchmarks.train --nanogpt FOLDER --device cuda [--sizes 124M 355M 774M 1558M]

FOLDER is a checkout of nanoGPT; without one it is left out, and so is transformers where it (or
accelerate) is not installed. Every contender is a process of its own, which trains the same shape
with the same batch from the same file, without dropout, with the same AdamW, and waits while
another one is at work. Rounds are interleaved; medians count. On a CPU: 16 x 256 tokens, float32,
two threads; on a GPU: context 1024, bfloat16.

Shares are 6 N + 12 L d T FLOPs a token, N without the position table, of the rate of a large square
matrix product in the same rounds. The masked half of attention counts as if it were computed, for
all alike, so a contender that leaves it out can come to more than its products alone would.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.train_contender import Order
from gptpath.config.model import ModelConfig
from gptpath.config.presets import gpt2_124m, gpt2_355m, gpt2_774m, gpt2_1558m
from gptpath.model.build import count_parameters, empty_model, flops_per_token
from gptpath.tokens.bpe import train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.train.peaks import peak_flops


@dataclass(frozen=True, kw_only=True)
class Size:
    """A shape to train, and how."""

    config: ModelConfig
    batch: int
    """Sequences of a step."""
    micro: int
    """Sequences of a forward pass."""


def cpu_size(n_layer: int, n_head: int, n_embd: int, vocab_size: int) -> Size:
    shape = {"n_layer": n_layer, "n_head": n_head, "n_embd": n_embd, "vocab_size": vocab_size}
    config = replace(gpt2_124m(), **shape, context_length=256)
    return Size(config=config, batch=16, micro=16)


SIZES = {
    "cpu": {
        "1M": cpu_size(4, 4, 128, 2048),
        "4M": cpu_size(4, 8, 256, 4096),
        "12M": cpu_size(6, 6, 384, 4096),
    },
    "cuda": {
        "124M": Size(config=gpt2_124m(), batch=64, micro=32),
        "355M": Size(config=gpt2_355m(), batch=32, micro=16),
        "774M": Size(config=gpt2_774m(), batch=16, micro=8),
        "1558M": Size(config=gpt2_1558m(), batch=16, micro=4),
    },
}
MATMUL_SIDE = {"cpu": 2048, "cuda": 8192}


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


def encode_texts(files: Sequence[Path], path: Path, vocab_size: int) -> None:
    """Real ids: those of `files` in a byte-level BPE learned from them."""
    texts = [file.read_text(encoding="utf-8") for file in files]
    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer(Path(folder), train_ranks(texts, vocab_size=vocab_size), name="benchmark")
        encoding = load_encoding(Path(folder))
    ids = [token for text in texts for token in encoding.encode_ordinary(text)]
    np.array(ids, dtype="<u2").tofile(path)


def race(size: Size, names: Sequence[str], given: argparse.Namespace, tokens: Path) -> dict:
    """Let all contenders train one size, in turn."""
    running: list[Contender] = []
    for name in [*names, "matmul", "shapes"]:
        order = Order(
            contender=name,
            config=asdict(size.config),
            batch=size.batch,
            micro=size.micro,
            tokens=str(tokens),
            device=given.device,
            threads=given.threads,
            nanogpt=None if given.nanogpt is None else str(given.nanogpt),
        )
        running.append(Contender(order))
        running[-1].warm_up(given.seconds if name in names else given.seconds / 4)
    for _ in range(given.rounds):
        for one in running:
            one.times.append(one.run(one.steps))
    return findings(size, running, given.device)


def findings(size: Size, running: Sequence[Contender], device: str) -> dict[str, Any]:
    """What the rounds have shown of one size."""
    config, per_step = size.config, size.batch * size.config.context_length
    medians = {one.name: statistics.median(one.times) for one in running}
    rate = 2.0 * MATMUL_SIDE[device] ** 3 / medians["matmul"]
    products = 6 * (12 * config.n_layer * config.n_embd + config.vocab_size) * config.n_embd
    found = {
        one.name: contender_findings(one, per_step, flops_per_token(config), rate, device)
        for one in running
    }
    del found["matmul"], found["shapes"]
    peers = [row["tokens_per_second"] for name, row in found.items() if "gptpath" not in name]
    for row in found.values():
        row["of_fastest_peer"] = row["tokens_per_second"] / max(peers) if peers else None
    return {
        "parameters": count_parameters(empty_model(config)),
        "matmul_gflops": rate / 1e9,
        "shapes_share": products * per_step / medians["shapes"] / rate,
        "contenders": found,
    }


def contender_findings(
    one: Contender, per_step: int, flops: int, rate: float, device: str
) -> dict[str, Any]:
    """Speed and memory of a contender, which ends."""
    memory = one.end()
    speed = per_step / statistics.median(one.times)
    peak = peak_flops(torch.cuda.get_device_name()) if device == "cuda" else "unknown"
    return {
        "tokens_per_second": speed,
        "lowest": per_step / max(one.times),
        "highest": per_step / min(one.times),
        "share": flops * speed / rate,
        "mfu": "unknown" if peak == "unknown" else flops * speed / peak,
        "peak_mb": memory.get("gpu_bytes", memory["peak_bytes"]) / 2**20,
        "imports_mb": memory["imports_bytes"] / 2**20,
        "seconds_to_start": one.seconds_to_start,
        "loss": one.loss,
    }


def table(results: dict[str, Any]) -> str:
    """Markdown of what `race` found."""
    lines = [
        "| size | contender | tokens/s (lowest to highest) | of fastest peer | of matmul "
        "| peak memory | start |",
        "|---|---|---|---|---|---|---|",
    ]
    for size, found in results.items():
        lines.append(
            f"| {size}, {found['parameters'] / 1e6:.2f} M | its products alone | | "
            f"| {found['shapes_share']:.0%} of {found['matmul_gflops']:.0f} GFLOP/s | | |"
        )
        for name, row in found["contenders"].items():
            ratio = row["of_fastest_peer"]
            mfu = "" if row["mfu"] == "unknown" else f", MFU {row['mfu']:.1%}"
            lines.append(
                f"| | {name} | {row['tokens_per_second']:,.0f} ({row['lowest']:,.0f} to "
                f"{row['highest']:,.0f}) | {'' if ratio is None else f'{ratio:.2f}'} "
                f"| {row['share']:.0%}{mfu} | {row['peak_mb']:.0f} MB "
                f"| {row['seconds_to_start']:.1f} s |"
            )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__ and __doc__.splitlines()[0])
    parser.add_argument("--nanogpt", type=Path, help="a checkout of nanoGPT")
    parser.add_argument("--text", type=Path, nargs="+", help="files to train on; else made-up ids")
    parser.add_argument("--device", choices=sorted(SIZES), default="cpu")
    parser.add_argument("--sizes", nargs="+", help="all of the device by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    sizes = SIZES[given.device]
    if unknown := set(given.sizes or sizes) - set(sizes):
        parser.error(f"sizes {sorted(unknown)}: of {given.device} there are {list(sizes)}")
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in given.sizes or sizes:
            vocab_size, tokens = sizes[name].config.vocab_size, Path(folder) / f"{name}.bin"
            if given.text:
                encode_texts(given.text, tokens, vocab_size)
            else:
                write_tokens(tokens, vocab_size, 2_000_000)
            results[name] = race(sizes[name], contenders(given.nanogpt), given, tokens)
            if given.json:  # after every size: the next one may fail
                given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
