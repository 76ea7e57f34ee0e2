import shutil

import pytest
import torch

from gptpath.config.presets import gpt2_laptop_s
from gptpath.model.build import build_model
from gptpath.train.checkpoint import History, restore_state, save_state


def fresh(seed=0):
    model = build_model(gpt2_laptop_s(), seed=seed)
    return model, torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)


def advanced(steps):
    model, optimiser = fresh()
    for step in range(steps):
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 1.0 + step)
        optimiser.step()
    return model, optimiser


def history(step):
    return History(train=[{"step": step, "loss": 0.1 + 0.2}], validation=[])


@pytest.fixture
def folder(tmp_path):
    for step in (2, 3, 5):
        save_state(tmp_path / "s", *advanced(step), step, history(step))
    return tmp_path / "s"


def test_weights_moments_step_and_history_come_back_to_the_bit(folder):
    model, optimiser = fresh(seed=1)
    assert restore_state(folder, model, optimiser) == (5, history(5))
    expected_model, expected_optimiser = advanced(5)
    for parameter, expected in zip(model.parameters(), expected_model.parameters(), strict=True):
        assert torch.equal(parameter, expected)
        state, wanted = optimiser.state[parameter], expected_optimiser.state[expected]
        assert state.keys() == wanted.keys()
        for key, value in wanted.items():
            assert torch.equal(state[key], value), key
            assert state[key].dtype == value.dtype, key


def test_only_the_newest_two_states_are_kept(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["state-00000003", "state-00000005"]


def test_nothing_saved_means_step_0(tmp_path):
    assert restore_state(tmp_path, *fresh()) == (0, History())


def test_the_state_before_any_step_comes_back(tmp_path):
    save_state(tmp_path, *fresh(seed=4), 0, History())
    model, optimiser = fresh()
    assert restore_state(tmp_path, model, optimiser) == (0, History())
    assert torch.equal(model.wte.weight, fresh(seed=4)[0].wte.weight)


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: flip_a_byte(state / "state.safetensors"),
        lambda state: (state / "state.safetensors").unlink(),
        lambda state: (state / "state.json").write_text("{"),
        lambda state: (state / "state.json").unlink(),
    ],
    ids=["a flipped bit", "no tensors", "no JSON", "no json file"],
)
def test_a_damaged_state_is_passed_over_for_the_one_before(folder, damage, caplog):
    damage(folder / "state-00000005")
    assert restore_state(folder, *fresh()) == (3, history(3))
    assert "cannot resume from state-00000005" in caplog.text


def test_a_half_written_state_is_ignored_and_cleared_away(folder):
    shutil.copytree(folder / "state-00000005", folder / ".state-1")
    assert restore_state(folder, *fresh())[0] == 5
