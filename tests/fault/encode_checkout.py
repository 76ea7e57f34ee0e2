"""A checkout whose corpus has several shards. Run as a script, it is a data stage:

`python encode_checkout.py ROOT STAGE [kill-at DONE]`, killed by SIGKILL when DONE pieces are done.
"""

import os
import random
import signal
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from gptpath.config.loading import load_params
from gptpath.config.sections import Parallel
from gptpath.events import Event, Progress
from gptpath.stages.context import StageContext
from gptpath.text.documents import Document, as_frame, shard_name, write_frame

PARAMS = Path(__file__).parents[2] / "params.yaml"
WORDS = ("the", "model", "reads", "a", "text", "and", "predicts", "its", "next", "token", "naïve")
SHARDS = 6


def write_checkout(root: Path) -> None:
    """Write data/corpus."""
    chooser = random.Random(0)
    for split, shards in (("train", SHARDS), ("validation", 1)):
        documents = [
            Document(
                text=" ".join(chooser.choices(WORDS, k=60)),
                source="files",
                kind="files",
                location=f"{split}-{number}",
                group="x",
            )
            for number in range(40 * shards)
        ]
        frame = as_frame(documents).sort("id")
        for shard in range(shards):
            path = root / "data" / "corpus" / split / shard_name(shard)
            write_frame(path, frame.slice(40 * shard, 40))


def main() -> None:
    """Run one stage with two workers."""
    root, stage = Path(sys.argv[1]), sys.argv[2]
    kill_at = int(sys.argv[4]) if len(sys.argv) > 4 else None

    def emit(event: Event) -> None:
        if isinstance(event, Progress) and event.done == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    params = load_params(PARAMS)
    params = replace(
        params,
        parallel=Parallel(workers=2),
        tokenizer=replace(params.tokenizer, vocab_size=300),
        encode=replace(params.encode, shard_tokens=700),
    )
    run = import_module(f"gptpath.stages.{stage}").run
    run(StageContext(root=root, params=params, item=None, emit=emit))


if __name__ == "__main__":
    main()
