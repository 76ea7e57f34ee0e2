import json

import pytest
import torch

from gptpath.config.presets import gpt2_laptop_s, lstm_laptop
from gptpath.errors import CheckpointError
from gptpath.model.build import build_model
from gptpath.model.folder import (
    load_config,
    load_model,
    published_steps,
    save_checkpoint,
    save_model,
)


@pytest.fixture
def tokenizer(tmp_path):
    folder = tmp_path / "source-tokenizer"
    folder.mkdir()
    (folder / "tokenizer.json").write_text("{}\n")
    return folder


@pytest.fixture
def folder(tmp_path, tokenizer):
    path = tmp_path / "model"
    save_checkpoint(path, build_model(gpt2_laptop_s(), seed=0), step=0)
    save_checkpoint(path, build_model(gpt2_laptop_s(), seed=1), step=30)
    save_model(path, build_model(gpt2_laptop_s(), seed=2), step=100, tokenizer_folder=tokenizer)
    return path


def assert_has_weights_of_seed(model, seed):
    expected = build_model(model.config, seed=seed).state_dict()
    assert all(torch.equal(expected[name], tensor) for name, tensor in model.state_dict().items())


def test_the_finished_model_comes_back_in_evaluation_mode(folder):
    model = load_model(folder)
    assert_has_weights_of_seed(model, 2)
    assert not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_published_steps_end_with_the_finished_models(folder):
    assert published_steps(folder) == [0, 30, 100]


@pytest.mark.parametrize(("step", "seed"), [(0, 0), (30, 1), (100, 2)])
def test_each_published_step_has_its_own_weights(folder, step, seed):
    assert_has_weights_of_seed(load_model(folder, step=step), seed)


def test_an_lstm_comes_back_as_an_lstm(tmp_path, tokenizer):
    save_model(
        tmp_path / "m", build_model(lstm_laptop(), seed=3), step=1, tokenizer_folder=tokenizer
    )
    assert load_config(tmp_path / "m") == lstm_laptop()
    assert_has_weights_of_seed(load_model(tmp_path / "m"), 3)


def test_equal_models_give_equal_bytes(folder, tmp_path, tokenizer):
    again = tmp_path / "again"
    save_model(again, build_model(gpt2_laptop_s(), seed=2), step=100, tokenizer_folder=tokenizer)
    for name in ("config.json", "model.safetensors", "tokenizer/tokenizer.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    assert sorted(path.name for path in again.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer",
    ]


def test_an_unknown_step_is_refused_with_the_known_ones(folder):
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 31 .* there are: 0, 30, 100"):
        load_model(folder, step=31)


def test_a_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="is not a model folder"):
        load_model(tmp_path)


def test_missing_weights_are_refused(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        load_model(folder)


def test_weights_cut_off_half_way_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_model(folder)


def change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_weights_of_another_shape_are_refused_by_name(folder):
    change_config(folder, vocab_size=100)
    with pytest.raises(CheckpointError, match=r"wte\.weight \(2048, 64\) instead of \(100, 64\)"):
        load_model(folder)


def test_weights_of_another_architecture_are_refused_by_name(folder):
    change_config(folder, norm="post")
    with pytest.raises(CheckpointError, match=r"unexpected \['ln_f\.bias', 'ln_f\.weight'\]"):
        load_model(folder)


def test_an_impossible_configuration_is_refused(folder):
    change_config(folder, n_head=7)
    with pytest.raises(CheckpointError, match="not divisible by n_head=7"):
        load_model(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"n_layer": 2}'])
def test_a_damaged_configuration_file_is_refused(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_model(folder)
