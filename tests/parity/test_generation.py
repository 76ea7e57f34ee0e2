"""Continuations against transformers' `generate`, offline, on copied random weights."""

import pytest
import tiktoken
import torch
from transformers import GPT2Config, GPT2LMHeadModel, OpenAIGPTConfig, OpenAIGPTLMHeadModel

from gptpath.config.model import ModelConfig
from gptpath.model.build import build_model
from gptpath.model.generation import generate
from gptpath.model.interop import to_gpt2, to_openai_gpt

CONFIGS = {
    norm: ModelConfig(
        norm=norm, n_layer=2, n_head=2, n_embd=32, context_length=64, vocab_size=257, init_std=0.3
    )
    for norm in ("pre", "post")
}
PROMPTS = ["Once upon a time", "x", "A somewhat longer prompt"]

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture
def encoding():
    return tiktoken.Encoding(
        name="bytes",
        pat_str=r"[\s\S]",
        mergeable_ranks={bytes([i]): i for i in range(256)},
        special_tokens={"<|endoftext|>": 256},
    )


def theirs(ours):
    shape = {"vocab_size": 257, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 2}
    special = {"bos_token_id": 256, "eos_token_id": 256, "pad_token_id": 256}
    if ours.config.norm == "pre":
        model, state = GPT2LMHeadModel(GPT2Config(**shape, **special)), to_gpt2(ours.state_dict())
    else:
        model = OpenAIGPTLMHeadModel(OpenAIGPTConfig(**shape, **special))
        state = to_openai_gpt(ours.state_dict())
    model.load_state_dict(state)
    return model.eval()


@pytest.mark.parametrize("norm", CONFIGS)
def test_greedy_texts_of_a_batch_are_those_that_transformers_generates_one_by_one(encoding, norm):
    ours = build_model(CONFIGS[norm], seed=4).eval()
    model = theirs(ours)
    expected = []
    for prompt in PROMPTS:
        ids = torch.tensor([encoding.encode_ordinary(prompt)])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False
        )[0, ids.size(1) :]
        expected.append(encoding.decode([token for token in out.tolist() if token != 256]))
    assert generate(ours, encoding, PROMPTS, max_new_tokens=40, temperature=0) == expected
