"""Packed sequences have the states of each sequence read alone, and of a padded batch."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s, lstm_laptop
from gptpath.model.build import build_model
from gptpath.model.packing import Packing

CONFIGS = {"gpt1": gpt1_laptop(), "gpt2": gpt2_laptop_s(), "lstm": lstm_laptop()}
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=30).map(
    lambda lengths: sorted(lengths, reverse=True)
)


@pytest.fixture(params=CONFIGS)
def model(request):
    config = replace(
        CONFIGS[request.param],
        vocab_size=60,
        context_length=16,
        dropout=0.0,
        init_std=0.2,
        position_init_std=0.2,
    )
    return build_model(config, seed=0)


def drawn(lengths):
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(0, 60, (length,), generator=generator) for length in lengths]


def states(model, sequences, **options):
    packing = Packing.of([len(one) for one in sequences], **options)
    return model.hidden_from_packed(model.embeddings(torch.cat(sequences)), packing)


@pytest.mark.parametrize("one_grid", [False, True])
@pytest.mark.parametrize("lengths", [[16, 16], [16, 9, 9, 3, 1, 1, 1], [5]])
def test_states_and_gradients_are_those_of_each_sequence_alone(model, lengths, one_grid):
    sequences = drawn(lengths)
    packed = states(model, sequences, one_grid=one_grid)
    alone = torch.cat([model.hidden(one[None])[0] for one in sequences])
    torch.testing.assert_close(packed, alone, atol=1e-5, rtol=1e-5)
    towards = torch.randn(alone.shape, generator=torch.Generator().manual_seed(2))
    parameters = dict(model.named_parameters())
    found, expected = (
        torch.autograd.grad((x * towards).sum(), list(parameters.values())) for x in (packed, alone)
    )
    for name, one, other in zip(parameters, found, expected, strict=True):
        torch.testing.assert_close(
            one, other, atol=1e-4, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_no_sequence_sees_another(model):
    sequences = drawn([16, 9, 9, 3])
    before = states(model, sequences).split([16, 9, 9, 3])
    sequences[1] = (sequences[1] + 1) % 60
    after = states(model, sequences).split([16, 9, 9, 3])
    for place in (0, 2, 3):
        assert torch.equal(after[place], before[place])
    assert not torch.allclose(after[1], before[1])


@given(lengths=LENGTHS)
def test_every_token_comes_back_to_its_place(lengths):
    packing = Packing.of(lengths)
    numbers = torch.arange(1.0, sum(lengths) + 1)[:, None]
    seen = []

    def mix(x_RTD):
        seen.append(x_RTD)
        return 2 * x_RTD

    torch.testing.assert_close(packing.mixed(mix, numbers), 2 * numbers)
    rows = [row[row > 0].tolist() for grid in seen for row in grid[..., 0]]
    assert rows == [part[:, 0].tolist() for part in numbers.split(lengths)]
    assert packing.positions_N.tolist() == [i for length in lengths for i in range(length)]


@given(lengths=LENGTHS)
def test_grids_are_few_and_little_of_them_is_padding(lengths):
    packing = Packing.of(lengths)
    cells = sum(grid.rows * grid.positions for grid in packing.grids)
    assert cells <= len(lengths) * lengths[0]
    assert len(packing.grids) <= 12
    assert cells <= 2.5 * sum(lengths)


def test_sequences_of_one_length_are_in_one_grid():
    assert len(Packing.of([7] * 50).grids) == 1


def test_one_grid_holds_all_that_it_is_told_to():
    [grid] = Packing.of([30, 2, 2, 1], one_grid=True).grids
    assert len(Packing.of([30, 2, 2, 1]).grids) > 1
    assert (grid.rows, grid.positions, len(grid.cells_M)) == (4, 30, 35)


@given(lengths=LENGTHS)
def test_gradients_of_both_moves_are_those_of_torch(lengths):
    for grid in Packing.of(lengths).grids:
        x = torch.randn(len(grid.cells_M), 3, dtype=torch.float64, requires_grad=True)
        cells = torch.randn(grid.rows, grid.positions, 3, dtype=torch.float64, requires_grad=True)
        zeros = x.new_zeros(grid.rows * grid.positions, 3)
        pairs = (
            (grid.padded(x), zeros.index_copy(0, grid.cells_M, x).view_as(cells), x),
            (grid.packed(cells), cells.flatten(0, 1)[grid.cells_M], cells),
        )
        for ours, expected, source in pairs:
            assert torch.equal(ours, expected)
            towards = torch.randn_like(ours)
            found, wanted = (
                torch.autograd.grad((each * towards).sum(), source)[0] for each in (ours, expected)
            )
            assert torch.equal(found, wanted)
