"""Recomputed activations: the same bits, far fewer of them kept."""

from dataclasses import replace

import pytest
import torch

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s, lstm_laptop
from gptpath.model.build import build_model
from gptpath.model.loss import next_token_loss
from gptpath.train.recompute import recompute_blocks

SHAPE = {"n_layer": 3, "n_embd": 32, "vocab_size": 64, "context_length": 16, "init_std": 0.05}
TOKENS = torch.randint(64, (4, 16), generator=torch.Generator().manual_seed(1))


def gradients(config, *, recompute, compiled=False):
    """Gradients of one loss, and the bytes that the forward pass has kept for them."""
    model = build_model(config, seed=3).train()
    if compiled:
        for block in getattr(model, "h", ()):
            block.forward = torch.compile(block.forward)
    if recompute:
        recompute_blocks(model)
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(11)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = next_token_loss(model, TOKENS, TOKENS)
    loss.backward()
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    size = sum(count for place, count in kept.items() if place not in weights)
    return {name: p.grad for name, p in model.named_parameters()}, size


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("preset", [gpt1_laptop, gpt2_laptop_s], ids=["post", "pre"])
def test_gradients_are_the_same_to_the_bit_with_dropout_too(preset, dropout):
    config = replace(preset(), **SHAPE, n_head=2, dropout=dropout)
    plain, much = gradients(config, recompute=False)
    again, little = gradients(config, recompute=True)
    assert all(torch.equal(plain[name], again[name]) for name in plain)
    # Inputs of three blocks, and what stands before and after them, of about 50 widths.
    assert little < much / 2


def test_the_lstm_is_left_as_it_is():
    config = replace(lstm_laptop(), n_embd=16, n_hidden=24, vocab_size=64, context_length=16)
    plain, size = gradients(config, recompute=False)
    again, same_size = gradients(config, recompute=True)
    assert all(torch.equal(plain[name], again[name]) for name in plain)
    assert size == same_size


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch warns itself while it compiles
def test_compiled_blocks_recompute_the_same_bits():
    config = replace(gpt2_laptop_s(), **SHAPE, n_head=2)
    plain, _ = gradients(config, recompute=False, compiled=True)
    again, _ = gradients(config, recompute=True, compiled=True)
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_a_training_with_recomputation_ends_with_the_bits_of_one_without(make_trainer):
    config = replace(gpt2_laptop_s(), **SHAPE, n_head=2, dropout=0.1)
    plain, again = (
        make_trainer(name, config=config, recompute_activations=recompute)
        for name, recompute in (("plain", False), ("again", True))
    )
    assert plain.run() == again.run()
    assert plain.history == again.history
    for name, tensor in plain.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name
