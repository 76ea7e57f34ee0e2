"""Our post-norm Transformer against transformers' OpenAI-GPT, offline, on random weights."""

import pytest
import torch
from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel

from gptpath.config.model import ModelConfig
from gptpath.model.build import build_model
from gptpath.model.folder import load_weights
from gptpath.model.interop import from_openai_gpt, to_openai_gpt

CONFIG = ModelConfig(
    norm="post", n_layer=3, n_head=4, n_embd=64, context_length=48, vocab_size=211, init_std=0.1
)


@pytest.fixture
def theirs():
    torch.manual_seed(1)
    model = OpenAIGPTLMHeadModel(
        OpenAIGPTConfig(
            vocab_size=CONFIG.vocab_size,
            n_positions=CONFIG.context_length,
            n_embd=CONFIG.n_embd,
            n_layer=CONFIG.n_layer,
            n_head=CONFIG.n_head,
            initializer_range=CONFIG.init_std,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    )
    for parameter in model.parameters():  # biases and gains too, which start at 0 and 1
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.eval()


@pytest.fixture
def tokens():
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, CONFIG.vocab_size, (3, CONFIG.context_length), generator=generator)


def test_logits_equal_those_of_the_model_whose_weights_we_took(theirs, tokens):
    ours = build_model(CONFIG, seed=0).eval()
    load_weights(ours, from_openai_gpt(theirs.state_dict()), where="transformers")
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), theirs(tokens).logits, atol=1e-5, rtol=0)


def test_logits_equal_those_of_the_model_that_took_our_weights(theirs, tokens):
    ours = build_model(CONFIG, seed=7).eval()
    theirs.load_state_dict(to_openai_gpt(ours.state_dict()))
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), theirs(tokens).logits, atol=1e-5, rtol=0)


def test_gradients_of_all_parameters_agree(theirs, tokens):
    ours = build_model(CONFIG, seed=0).train()
    load_weights(ours, from_openai_gpt(theirs.state_dict()), where="transformers")
    theirs.train()(tokens, labels=tokens).loss.backward()
    logits = ours(tokens)[:, :-1]
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    expected = from_openai_gpt({name: p.grad for name, p in theirs.named_parameters()})
    for name, parameter in ours.named_parameters():
        difference = (parameter.grad - expected[name]).norm() / expected[name].norm()
        assert difference < 1e-4, name
