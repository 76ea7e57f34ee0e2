from dataclasses import replace

import pytest
import torch

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s, lstm_laptop
from gptpath.model.build import build_model

CONFIGS = {"gpt1": gpt1_laptop(), "gpt2": gpt2_laptop_s(), "lstm": lstm_laptop()}


@pytest.fixture(params=CONFIGS)
def model(request):
    config = replace(CONFIGS[request.param], vocab_size=60, context_length=24)
    return build_model(config, seed=0).eval()


@pytest.fixture
def tokens():
    return torch.randint(0, 60, (3, 24), generator=torch.Generator().manual_seed(0))


@torch.no_grad()
@pytest.mark.parametrize("pieces", [[24], [1] * 24, [10, 1, 7, 6], [23, 1]])
def test_reading_in_pieces_gives_the_states_of_reading_at_once(model, tokens, pieces):
    cache = model.new_cache(3)
    states = [model.hidden(piece, cache) for piece in tokens.split(pieces, dim=1)]
    torch.testing.assert_close(torch.cat(states, 1), model.hidden(tokens), atol=1e-5, rtol=1e-5)
    assert cache.length == 24


@torch.no_grad()
def test_selected_rows_go_on_from_the_chosen_sequences(model, tokens):
    rows = torch.tensor([2, 0, 0, 1])
    cache = model.new_cache(3)
    model.hidden(tokens[:, :15], cache)
    chosen = cache.select(rows)
    states = model.hidden(tokens[rows, 15:], chosen)
    torch.testing.assert_close(states, model.hidden(tokens)[rows, 15:], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_selection_does_not_write_into_its_origin(model, tokens):
    cache = model.new_cache(3)
    model.hidden(tokens[:, :15], cache)
    model.hidden(tokens[:, 3:12], cache.select(torch.arange(3)))
    assert cache.length == 15
    states = model.hidden(tokens[:, 15:], cache)
    torch.testing.assert_close(states, model.hidden(tokens)[:, 15:], atol=1e-5, rtol=1e-5)


def test_a_transformer_refuses_more_positions_than_its_context():
    model = build_model(replace(CONFIGS["gpt2"], context_length=8), seed=0)
    with pytest.raises(AssertionError, match="9 positions do not fit a context of 8"):
        model.hidden(torch.zeros(1, 9, dtype=torch.long))
