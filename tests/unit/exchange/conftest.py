import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gptpath.config.model import ModelConfig
from gptpath.exchange.byte_level import tokenizer_json
from gptpath.model.build import build_model
from gptpath.model.interop import to_gpt2
from gptpath.tokens.bpe import train_ranks

TEXTS = ["The cat sat on the mat, and the other cats sat there too: naïve café."] * 8
CONFIG = ModelConfig(
    n_layer=2,
    n_head=2,
    n_embd=32,
    context_length=24,
    vocab_size=280,
    dropout=0.1,
    position_init_std=0.01,
    scale_residual_init=True,
)
VALUES = {
    "model_type": "gpt2",
    "n_layer": 2,
    "n_head": 2,
    "n_embd": 32,
    "n_positions": 24,
    "vocab_size": 280,
}


@pytest.fixture(scope="session")
def ranks() -> list[bytes]:
    return train_ranks(TEXTS, vocab_size=280)


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """Names and layouts of transformers, as on the hub: no prefix, masks along, no head."""
    named = to_gpt2(build_model(CONFIG, seed=5).state_dict())
    del named["lm_head.weight"]
    bare = {name.removeprefix("transformer."): tensor for name, tensor in named.items()}
    return bare | {"h.0.attn.bias": torch.ones(1, 1, 24, 24)}


@pytest.fixture
def source(tmp_path: Path, ranks, state) -> Path:
    """A small GPT-2 as it would lie on the hub: config, weights, vocabulary and merges."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(VALUES))
    save_file(state, folder / "model.safetensors")
    model = tokenizer_json(ranks)["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in model["merges"])]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
