"""OpenAI's layout of GPT-1, at a small size, made from a model of ours by its written rules."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gptpath.config.presets import gpt1_117m
from gptpath.errors import CheckpointError
from gptpath.exchange.gpt1_files import gpt1_folder, read_gpt1_files
from gptpath.exchange.importing import import_model
from gptpath.model.build import build_model, empty_model
from gptpath.model.folder import load_config, load_model

CONFIG = replace(gpt1_117m(), n_layer=2, n_head=2, n_embd=128, context_length=16, vocab_size=97)
ENCODER = (
    Path(os.environ.get("GPTPATH_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
    / "tokenizers"
    / "gpt1"
)

BLOCK = ["attn.c_attn", "attn.c_proj", "ln_1", "mlp.c_fc", "mlp.c_proj", "ln_2"]
"""Variables of train.py in the order in which `block` makes them, each with weight and bias."""


def write_files(folder: Path, config) -> dict[str, torch.Tensor]:
    """Write params_shapes.json and ten pieces; returns the parameters."""
    model = build_model(config, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(parameter.numel()))
    state = model.state_dict()
    arrays = [state["wpe.weight"].numpy(), state["wte.weight"].numpy()]
    for layer in range(config.n_layer):
        for name in BLOCK:
            weight = state[f"h.{layer}.{name}.weight"].numpy()
            arrays.append(weight.T[None] if weight.ndim == 2 else weight)
            arrays.append(state[f"h.{layer}.{name}.bias"].numpy())
    folder.mkdir(parents=True)
    (folder / "params_shapes.json").write_text(json.dumps([a.shape for a in arrays]))
    flat = np.concatenate([a.ravel() for a in arrays])
    for number, piece in enumerate(np.array_split(flat, 10)):
        np.save(folder / f"params_{number}.npy", piece)
    return state


def test_every_tensor_finds_its_place(tmp_path):
    wanted = write_files(tmp_path / "model", CONFIG)
    folder = gpt1_folder(tmp_path)
    assert folder == tmp_path / "model"
    config, found = read_gpt1_files(folder)
    assert config == CONFIG
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor), name


def test_the_published_shapes_are_those_of_the_preset(tmp_path):
    """params_shapes.json of openai/finetune-transformer-lm, by its rule: 116,534,784 numbers."""
    width = 768
    matrices = [
        (1, width, 3 * width),
        (1, width, width),
        (1, width, 4 * width),
        (1, 4 * width, width),
    ]
    block = [
        shape
        for one, extra in zip(matrices, ([], [(width,)] * 2, [], [(width,)] * 2), strict=True)
        for shape in (one, (one[2],), *extra)
    ]
    shapes = [(512, width), (40_478, width), *block * 12]
    (tmp_path / "params_shapes.json").write_text(json.dumps(shapes))
    with pytest.raises(CheckpointError, match="hold 0 numbers, .* asks for 116,534,784"):
        read_gpt1_files(tmp_path)
    assert sum(p.numel() for p in empty_model(gpt1_117m()).parameters()) == 116_534_784


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "params_3.npy").unlink(), r"params_3\.npy is missing among 9 pieces"),
        (lambda f: (f / "params_9.npy").unlink(), r"hold [\d,]+ numbers, .* asks for [\d,]+"),
        (lambda f: (f / "params_0.npy").write_bytes(b"no"), r"params_0\.npy is damaged"),
        (
            lambda f: np.save(f / "params_0.npy", np.array([{}]), allow_pickle=True),
            r"params_0\.npy is damaged .*allow_pickle",
        ),
        (lambda f: np.save(f / "params_0.npy", np.ones((2, 2))), "expected flat floats"),
        (lambda f: (f / "params_shapes.json").write_text("{"), "no list of shapes"),
        (lambda f: (f / "params_shapes.json").write_text("[[1, 2]]"), "lists 1 shapes"),
    ],
)
def test_damaged_files_are_named(tmp_path, spoil, message):
    write_files(tmp_path / "model", CONFIG)
    spoil(tmp_path / "model")
    with pytest.raises(CheckpointError, match=message):
        read_gpt1_files(tmp_path / "model")


def test_another_order_of_tensors_is_refused(tmp_path):
    write_files(tmp_path / "model", CONFIG)
    path = tmp_path / "model" / "params_shapes.json"
    shapes = json.loads(path.read_text())
    shapes[2], shapes[8] = shapes[8], shapes[2]
    path.write_text(json.dumps(shapes))
    with pytest.raises(CheckpointError, match=r"tensor 2 is \(1, 128, 512\), expected"):
        read_gpt1_files(tmp_path / "model")


@pytest.mark.skipif(not ENCODER.is_dir(), reason="the shared data is not here")
def test_the_released_folder_is_imported_with_its_encoder(tmp_path):
    config = replace(CONFIG, n_layer=1, n_head=1, n_embd=64, vocab_size=40_478)
    wanted = write_files(tmp_path / "model", config)
    for file in ENCODER.iterdir():
        (tmp_path / "model" / file.name).write_bytes(file.read_bytes())
    import_model(str(tmp_path), tmp_path / "ours", words="basic")
    assert load_config(tmp_path / "ours") == config
    found = load_model(tmp_path / "ours").state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())
    settings = json.loads((tmp_path / "ours" / "tokenizer" / "tokenizer.json").read_text())
    assert settings["kind"] == "gpt1"
    assert settings["words"] == "basic"
