import os

import pytest

from gptpath.config.presets import gpt1_117m, gpt2_124m, gpt2_1558m, lstm_laptop
from gptpath.model.build import build_model, count_parameters, flops_per_token
from gptpath.train.memory import (
    divisors,
    evaluation_bytes,
    free_host_bytes,
    parameters,
    training_bytes,
)


@pytest.mark.parametrize(
    ("config", "published"),
    [(gpt1_117m(), 116_534_784), (gpt2_124m(), 124_439_808), (gpt2_1558m(), 1_557_611_200)],
)
def test_parameters_are_those_of_the_released_models(config, published) -> None:
    assert parameters(config) == published


def test_parameters_of_an_lstm_are_those_of_the_built_model() -> None:
    assert parameters(lstm_laptop()) == count_parameters(build_model(lstm_laptop(), seed=0))


def test_flops_per_token_of_gpt2_small_by_hand() -> None:
    # 6 x (124,439,808 - 1024 x 768) + 12 x 12 x 768 x 1024
    assert flops_per_token(gpt2_124m()) == 741_920_256 + 113_246_208


def test_training_memory_of_gpt2_small_by_hand() -> None:
    # 16 bytes a parameter; 12 blocks x 16 widths x 768 in bfloat16 for 4 x 1024 positions;
    # 4 x 1024 x 50,257 logits are fewer than a chunk; one copy of the head's gradient.
    expected = 16 * 124_439_808 + 2 * 4096 * 12 * 16 * 768 + 4 * 4096 * 50_257 + 4 * 50_257 * 768
    assert training_bytes(gpt2_124m(), sequences=4, device="cuda", bfloat16=True) == expected


def test_float32_activations_take_twice_the_room() -> None:
    narrow = training_bytes(gpt2_124m(), sequences=4, device="cuda", bfloat16=True)
    wide = training_bytes(gpt2_124m(), sequences=4, device="cuda", bfloat16=False)
    assert wide - narrow == 2 * 4096 * 12 * 16 * 768


def test_recomputation_leaves_the_inputs_of_all_blocks_and_one_whole_block() -> None:
    shape = {"sequences": 4, "device": "cuda", "bfloat16": True}
    all_kept = training_bytes(gpt2_124m(), **shape)
    less = training_bytes(gpt2_124m(), recompute=True, **shape)
    assert all_kept - less == 2 * 4096 * 768 * (12 * 16 - (12 + 16))


def test_divisors_are_all_there_in_order() -> None:
    assert divisors(12) == [1, 2, 3, 4, 6, 12]
    assert divisors(1) == [1]


def test_free_memory_is_what_the_machine_has_at_most() -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < free_host_bytes() <= machine


def test_evaluation_takes_far_less_than_training() -> None:
    training = training_bytes(gpt2_124m(), sequences=8, device="cpu", bfloat16=False)
    assert evaluation_bytes(gpt2_124m(), sequences=8, device="cpu") < training / 2
