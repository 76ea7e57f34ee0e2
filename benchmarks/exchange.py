"""What `gptpath export` and `gptpath import` cost in time and memory, on random weights.

    python -m benchmarks.exchange --gpt2 FOLDER [--preset gpt2_124m] [--work FOLDER]

FOLDER holds GPT-2's vocab.bpe and encoder.json. Each step is a process of its own: its peak of
resident memory, less what its libraries took before, is told as a multiple of the weights. Then
transformers loads what was exported, and its logits are held against ours.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gptpath.config.presets import PRESETS

STEPS = ("build", "export", "import", "compare")


def main() -> None:
    options = _options()
    if options.step:
        _run(options.step, options.preset, options.work, options.gpt2)
        return
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        for step in STEPS:
            command = [sys.executable, "-m", "benchmarks.exchange", "--preset", options.preset]
            command += ["--work", work, "--gpt2", str(options.gpt2), "--step", step]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(f"{step:<8}", "  ".join(f"{key} {value}" for key, value in found.items()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="gpt2_124m", choices=list(PRESETS))
    parser.add_argument("--gpt2", type=Path, required=True)
    parser.add_argument("--work", type=Path, help="where the copies of the model are written")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(step: str, preset: str, work: Path, gpt2: Path) -> None:
    """Make one step and tell its cost as a line of JSON."""
    from gptpath.exchange.exporting import export_model
    from gptpath.exchange.importing import import_model
    from gptpath.model.build import build_model, count_parameters, empty_model
    from gptpath.model.folder import save_model
    from gptpath.tokens.bpe import write_tokenizer
    from gptpath.tokens.published import gpt2_ranks

    weights = 4 * count_parameters(empty_model(PRESETS[preset]()))
    before, start = _peak_bytes(), time.perf_counter()
    more: dict[str, Any] = {}
    if step == "build":
        write_tokenizer(work / "tokenizer", gpt2_ranks(gpt2), name="gpt2")
        model = build_model(PRESETS[preset](), seed=0)
        save_model(work / "ours", model, step=0, tokenizer_folder=work / "tokenizer")
    elif step == "export":
        export_model(work / "ours", work / "theirs")
    elif step == "import":
        import_model(str(work / "theirs"), work / "back")
        same = _same_bytes(work / "ours", work / "back")
        more = {"same_bytes_after_the_round": same}
        shutil.rmtree(work / "back")
    else:
        more = {"largest_logit_difference": _compare(work)}
    seconds = time.perf_counter() - start
    taken = (_peak_bytes() - before) / weights
    print(json.dumps({"seconds": round(seconds, 1), "times_the_weights": round(taken, 2)} | more))


def _same_bytes(first: Path, second: Path) -> bool:
    paths = [str(folder / "model.safetensors") for folder in (first, second)]
    return subprocess.run(["cmp", "--silent", *paths], check=False).returncode == 0


def _compare(work: Path) -> float:
    """Largest difference of the logits of a text between transformers' model and ours."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from gptpath.model.folder import load_model

    ids = AutoTokenizer.from_pretrained(work / "theirs")("A text of a few words, " * 20)
    tokens_BT = torch.tensor([ids["input_ids"]])
    with torch.no_grad():
        theirs = AutoModelForCausalLM.from_pretrained(work / "theirs")(tokens_BT).logits
        ours = load_model(work / "ours")(tokens_BT)
    return float((theirs - ours).abs().max())


def _peak_bytes() -> int:
    """Most resident memory of this process so far; pages of files read in place count too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(lines["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    main()
