"""Perplexity of running text against the loss that transformers itself computes."""

import math

import numpy as np
import pytest
import tiktoken
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from gptpath.config.model import ModelConfig
from gptpath.model.folder import load_weights
from gptpath.model.interop import from_gpt2
from gptpath.model.transformer import Transformer
from gptpath.zeroshot.intervals import Resampling
from gptpath.zeroshot.perplexity import score_heldout
from gptpath.zeroshot.results import Reporter
from gptpath.zeroshot.scoring import Scorer

CONTEXT = 32
END_OF_TEXT = 256


def test_heldout_perplexity_is_the_exponential_of_transformers_mean_loss() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(
        GPT2Config(vocab_size=257, n_positions=CONTEXT, n_embd=32, n_layer=2, n_head=2)
    ).eval()
    ours = Transformer(
        ModelConfig(
            norm="pre", n_layer=2, n_head=2, n_embd=32, context_length=CONTEXT, vocab_size=257
        )
    ).eval()
    load_weights(ours, from_gpt2(theirs.state_dict()), where="a random GPT-2")
    encoding = tiktoken.Encoding(
        name="bytes",
        pat_str=r".",
        mergeable_ranks={bytes([b]): b for b in range(256)},
        special_tokens={"<|endoftext|>": END_OF_TEXT},
    )
    windows = 6
    tokens = np.random.default_rng(0).integers(0, 256, windows * CONTEXT)
    losses: list[float] = []
    whole = torch.tensor([END_OF_TEXT, *tokens.tolist()])
    for start in range(0, windows * CONTEXT, CONTEXT):
        with torch.no_grad():
            logits = theirs(whole[None, start : start + CONTEXT]).logits[0]
        targets = whole[start + 1 : start + 1 + CONTEXT]
        losses.append(float(torch.nn.functional.cross_entropy(logits, targets)))
    mean = sum(losses) / windows

    scorer = Scorer(ours, encoding, batch_size=4)
    report = Reporter(task="heldout", resampling=Resampling(samples=100, seed=0))
    lengths = np.append(np.ones(256, dtype=np.int64), 0)
    found = {s.metric: s for s in score_heldout(scorer, report, tokens, lengths).scores}

    assert found["perplexity"].value == pytest.approx(math.exp(mean), rel=1e-4)
    assert found["bpb"].value == pytest.approx(mean / math.log(2), rel=1e-4)
    assert found["perplexity"].items == windows
    assert found["perplexity"].low < found["perplexity"].value < found["perplexity"].high
