"""A checkout small enough to pretrain in a second: byte tokens of a made-up, learnable text.

Run as a script, it is a trainer: `python pretrain_checkout.py ROOT [kill-at STEP]`.
"""

import dataclasses
import os
import random
import signal
import sys
from pathlib import Path

from gptpath.config.launch import Launch
from gptpath.config.loading import load_params
from gptpath.config.params import Params
from gptpath.events import CheckpointSaved, Event, StepFinished
from gptpath.stages.context import StageContext
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.shards import SplitWriter, write_index

MODEL = "gpt1-laptop"
PARAMS = Path(__file__).parents[2] / "params.yaml"
WORDS = ("the", "model", "reads", "a", "text", "and", "predicts", "its", "next", "token")


def tiny_params(**recipe: object) -> Params:
    """The laptop profile with a byte vocabulary, one small model and a short recipe."""
    params = load_params(PARAMS)
    shape = {"n_layer": 1, "n_head": 2, "n_embd": 16, "context_length": 16, "dropout": 0.1}
    changes = {
        "steps": 30,
        "batch_size_sequences": 4,
        "warmup_steps": 3,
        "learning_rate": 0.01,
        "log_every_steps": 1,
        "validate_every_steps": 10,
        "validation_tokens": 200,
        "checkpoint_every_steps": 7,
        "published_checkpoints": 3,
    } | recipe
    models = dict(params.models)
    models[MODEL] = dataclasses.replace(models[MODEL], shape=shape, recipe=changes)
    return dataclasses.replace(
        params, tokenizer=dataclasses.replace(params.tokenizer, vocab_size=257), models=models
    )


def write_checkout(root: Path) -> None:
    """Write data/tokenizer and data/tokens."""
    write_tokenizer(
        root / "data" / "tokenizer", [bytes([value]) for value in range(256)], name="bytes"
    )
    encoding = load_encoding(root / "data" / "tokenizer")
    chooser = random.Random(0)
    splits = {}
    for split, documents in (("train", 30), ("validation", 4)):
        writer = SplitWriter(root / "data" / "tokens", split, vocab_size=257, shard_tokens=1000)
        for _ in range(documents):
            text = " ".join(chooser.choices(WORDS, k=20))
            writer.append(
                [*encoding.encode_ordinary(text), encoding.eot_token],
                text_bytes=len(text.encode()),
            )
        splits[split] = writer.finish()
    write_index(root / "data" / "tokens", vocab_size=257, splits=splits)


def train(root: Path, params: Params, kill_at: int | None = None) -> None:
    """Run the stage; die of SIGKILL when step `kill_at` is logged."""
    from gptpath.stages.pretrain import run

    def emit(event: Event) -> None:
        if isinstance(event, StepFinished):
            sys.stdout.write(f"step {event.step}\n")
            if event.step == kill_at:
                sys.stdout.flush()
                os.kill(os.getpid(), signal.SIGKILL)
        elif isinstance(event, CheckpointSaved):
            sys.stdout.write(f"saved {event.step}\n")
        sys.stdout.flush()

    run(StageContext(root=root, params=params, item=MODEL, emit=emit))


def train_into(log: Path, root: Path, params: Params) -> None:
    """Run the stage with its lines in a file: for a forked process."""
    with log.open("a") as sys.stdout:
        train(root, params)


def main() -> None:
    """Train as the command line and the environment say."""
    kill_at = int(sys.argv[3]) if len(sys.argv) > 3 else None
    params = tiny_params(steps=int(os.environ.get("STEPS", "30")))
    ranks = int(os.environ.get("RANKS", "1"))
    launch = Launch(nproc_per_node=ranks, strategy=os.environ.get("STRATEGY", "ddp"))
    train(Path(sys.argv[1]), dataclasses.replace(params, launch=launch), kill_at)


if __name__ == "__main__":
    main()
