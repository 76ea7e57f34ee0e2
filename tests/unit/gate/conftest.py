import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gptpath.config.model import ModelConfig
from gptpath.model.build import build_model
from gptpath.model.folder import save_model
from gptpath.text.documents import Document, write_documents
from gptpath.tokens.bpe import write_tokenizer

WORDS = ("the", "model", "reads", "a", "text", "and", "predicts", "its", "next", "token")
BYTES = [bytes([value]) for value in range(256)]


def made_up_texts(count: int, *, seed: int, words: int = 12) -> list[str]:
    chooser = random.Random(seed)
    return [" ".join(chooser.choices(WORDS, k=words)) for _ in range(count)]


def write_split(folder: Path, texts: list[str]) -> None:
    write_documents(
        folder,
        [
            Document(text=text, source="s", kind="files", location=str(place), group="g")
            for place, text in enumerate(texts)
        ],
    )


def write_model(folder: Path, *, lean: float = 0.0, merges: int = 0) -> Path:
    """A tiny model that leans towards lower-case letters: by how much decides how good it is."""
    vocabulary = 257 + merges
    tokens = BYTES + [f" {word}".encode() for word in WORDS[:merges]]
    tokenizer = folder.parent / f"tokenizer-{merges}"
    write_tokenizer(tokenizer, tokens, name="bytes")
    config = ModelConfig(
        norm="pre", n_layer=1, n_head=1, n_embd=16, context_length=32, vocab_size=vocabulary
    )
    model = build_model(config, seed=0)
    with torch.no_grad():
        # The first output of the final norm is one everywhere; the embedding ties it to letters.
        model.ln_f.weight[0], model.ln_f.bias[0] = 0.0, 1.0
        model.wte.weight[:, 0] = -lean
        model.wte.weight[ord("a") : ord("z") + 1, 0] = lean
    save_model(folder, model, step=1, tokenizer_folder=tokenizer)
    return folder


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    torch.set_num_threads(1)
    return lambda name, **how: write_model(tmp_path / name, **how)
