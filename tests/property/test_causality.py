from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s, lstm_laptop
from gptpath.model.build import build_model

MODELS = {
    config.family + config.norm: build_model(
        replace(config, vocab_size=50, context_length=20), seed=1
    ).eval()
    for config in (gpt1_laptop(), gpt2_laptop_s(), lstm_laptop())
}


@torch.no_grad()
@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(MODELS)),
    tokens=st.lists(st.integers(0, 49), min_size=2, max_size=20),
    data=st.data(),
)
def test_future_tokens_do_not_change_past_logits(name, tokens, data):
    position = data.draw(st.integers(1, len(tokens) - 1))
    changed = tokens[:position] + [(token + 1) % 50 for token in tokens[position:]]
    model = MODELS[name]
    before, after = (model(torch.tensor([row]))[0] for row in (tokens, changed))
    torch.testing.assert_close(after[:position], before[:position], atol=1e-6, rtol=0)
    assert not torch.equal(after[position], before[position])
