"""What only a GPU can show, in one command of under nine minutes on one H100 or H200.

    PYTHONPATH=src python -m benchmarks.gpu_check [--tokens data/tokens] [--out benchmarks/out]

Needs torch, numpy, tiktoken, transformers and nothing else of this project's dependencies. Each
section runs in a process of its own with a limit on its time, so that none can take the others
down; what there is no time for is skipped with a sentence. Results are written to OUT as JSON and
Markdown, again after every section. The exit code is 1 if a check fails.

TOKENS is a folder of token shards with its tokenizer beside it, as `gptpath encode` leaves them:
data/tokens and data/tokenizer. Without one, tokens are made on the spot from the text files below
TEXTS, or of the running Python's library. `--small` does the same on a CPU with tiny models.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.gpu_check.run import run_sections
from benchmarks.gpu_check.settings import Settings, sections


def main() -> None:
    options = _options()
    import torch

    if not options.small and not torch.cuda.is_available():
        sys.exit("no CUDA device that torch can use; --small runs the same on the CPU")
    settings = Settings(
        small=options.small,
        device="cpu" if options.small else "cuda",
        out=str(options.out.resolve()),
        tokens=str(options.tokens.resolve()) if options.tokens else None,
        texts=str(options.texts.resolve()) if options.texts else None,
        nanogpt=str(options.nanogpt.resolve()) if options.nanogpt else None,
    )
    chosen = [one for one in sections(settings) if not options.only or one.name in options.only]
    failed = run_sections(settings, chosen, seconds=options.minutes * 60)
    if failed:
        sys.exit("failed: " + "; ".join(failed))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out"))
    parser.add_argument("--tokens", type=Path, help="folder of token shards, its tokenizer beside")
    parser.add_argument("--texts", type=Path, help="folder of text files to make tokens of")
    parser.add_argument("--nanogpt", type=Path, help="a checkout of nanoGPT to compare with")
    parser.add_argument("--minutes", type=float, default=8.75, help="limit of the whole check")
    parser.add_argument("--only", nargs="+", help="names of the sections to run")
    parser.add_argument("--small", action="store_true", help="tiny sizes on the CPU, in a minute")
    return parser.parse_args()


if __name__ == "__main__":
    main()
