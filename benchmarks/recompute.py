"""What activation recomputation saves in memory and costs in time: one pass, with and without.

    python -m benchmarks.recompute [--preset gpt2_124m] [--sequences 2] [--passes 3] [--device cpu]

Each is a process of its own. Memory is the peak of a pass forward and backward less what weights
and libraries take: resident on a CPU, allocated on a GPU (there in bfloat16). Times are the best
of the passes after the first.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from gptpath.config.presets import PRESETS


def main() -> None:
    options = _options()
    if options.recompute is not None:
        print(json.dumps(_measure(options)))
        return
    found: list[dict[str, float]] = []
    for recompute in ("no", "yes"):
        command = [sys.executable, "-m", "benchmarks.recompute", *sys.argv[1:]]
        done = subprocess.run(
            [*command, "--recompute", recompute], check=True, capture_output=True, text=True
        )
        found.append(json.loads(done.stdout.splitlines()[-1]))
        memory, seconds = found[-1]["bytes"] / 1e9, found[-1]["seconds"]
        print(f"recomputing {recompute:<4}{memory:8.3f} GB  {seconds:8.2f} s a pass", flush=True)
    less, more = (found[1][name] / found[0][name] for name in ("bytes", "seconds"))
    print(f"{less:.2f} of the memory, {more:.2f} of the time")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="gpt2_124m", choices=list(PRESETS))
    parser.add_argument("--sequences", type=int, default=2)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--recompute", choices=("no", "yes"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> dict[str, float]:
    import torch

    from gptpath.model.build import build_model
    from gptpath.model.device import autocast, configure
    from gptpath.model.loss import next_token_loss
    from gptpath.train.recompute import recompute_blocks

    configure(options.threads)
    device = torch.device(options.device)
    config = PRESETS[options.preset]()
    model = build_model(config, seed=0).to(device).train()
    for parameter in model.parameters():  # in place, as in every pass but the first
        parameter.grad = torch.zeros_like(parameter)
    if options.recompute == "yes":
        recompute_blocks(model)
    tokens_BT = torch.ones(options.sequences, config.context_length, dtype=torch.long).to(device)
    before, times = _bytes(device, "VmRSS"), []
    for _ in range(options.passes + 1):
        start = time.perf_counter()
        with autocast(device, "auto"):
            loss = next_token_loss(model, tokens_BT, tokens_BT)
        loss.backward()
        loss.item()
        times.append(time.perf_counter() - start)
    return {"bytes": _bytes(device, "VmHWM") - before, "seconds": min(times[1:])}


def _bytes(device: object, which: str) -> int:
    """Memory now (VmRSS) or at its peak (VmHWM)."""
    import torch

    if str(device) != "cpu":
        now = which == "VmRSS"
        return torch.cuda.memory_allocated() if now else torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text(encoding="ascii")
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(lines[which].split()[0]) * 1024


if __name__ == "__main__":
    main()
