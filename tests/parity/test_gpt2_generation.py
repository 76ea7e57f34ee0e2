"""Greedy continuations against transformers' `generate`, offline, on copied random weights."""

import pytest
import tiktoken
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from gptpath.config.model import ModelConfig
from gptpath.model.build import build_model
from gptpath.model.generation import generate
from gptpath.model.interop import to_gpt2

CONFIG = ModelConfig(
    n_layer=2, n_head=2, n_embd=32, context_length=64, vocab_size=257, init_std=0.3
)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("prompt", ["Once upon a time", "x"])
def test_greedy_text_is_the_one_transformers_generates(prompt):
    encoding = tiktoken.Encoding(
        name="bytes",
        pat_str=r"[\s\S]",
        mergeable_ranks={bytes([i]): i for i in range(256)},
        special_tokens={"<|endoftext|>": 256},
    )
    ours = build_model(CONFIG, seed=4).eval()
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=257,
            n_positions=64,
            n_embd=32,
            n_layer=2,
            n_head=2,
            bos_token_id=256,
            eos_token_id=256,
            pad_token_id=256,
        )
    ).eval()
    theirs.load_state_dict(to_gpt2(ours.state_dict()))
    ids = torch.tensor([encoding.encode_ordinary(prompt)])
    expected = theirs.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False
    )[0, ids.size(1) :]
    text = generate(ours, encoding, [prompt], max_new_tokens=40, temperature=0)
    assert text == [encoding.decode([token for token in expected.tolist() if token != 256])]
