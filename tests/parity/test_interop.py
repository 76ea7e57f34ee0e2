"""Weights survive the way to transformers' layouts and back."""

from dataclasses import replace

import pytest
import torch

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s
from gptpath.errors import CheckpointError
from gptpath.model.build import build_model
from gptpath.model.interop import from_gpt2, from_openai_gpt, to_gpt2, to_openai_gpt

WAYS = {"gpt2": (gpt2_laptop_s(), to_gpt2, from_gpt2)} | {
    "gpt1": (gpt1_laptop(), to_openai_gpt, from_openai_gpt)
}


@pytest.mark.parametrize("way", WAYS)
def test_there_and_back_changes_nothing(way):
    config, there, back = WAYS[way]
    state = build_model(replace(config, n_layer=2), seed=0).state_dict()
    returned = back(there(state))
    assert returned.keys() == state.keys()
    for name, tensor in state.items():
        assert torch.equal(returned[name], tensor), name


@pytest.mark.parametrize("way", WAYS)
def test_files_without_prefix_and_head_are_understood(way):
    config, there, back = WAYS[way]
    state = build_model(replace(config, n_layer=2), seed=0).state_dict()
    bare = {name.removeprefix("transformer."): tensor for name, tensor in there(state).items()}
    del bare["lm_head.weight"]
    bare["h.0.attn.bias"] = torch.ones(1, 1, 8, 8)  # old checkpoints carry their causal mask
    assert back(bare).keys() == state.keys()


def test_the_given_tensors_are_copied_not_shared():
    state = build_model(gpt2_laptop_s(), seed=0).state_dict()
    for tensor in to_gpt2(state).values():
        tensor.zero_()
    assert state["wte.weight"].abs().sum() > 0


def test_a_foreign_state_is_refused():
    with pytest.raises(CheckpointError, match="no token table among the 1 tensors"):
        from_gpt2({"encoder.weight": torch.zeros(1)})
