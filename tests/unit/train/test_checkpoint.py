import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from gptpath.config.presets import gpt2_laptop_s
from gptpath.errors import CheckpointError
from gptpath.model.build import build_model
from gptpath.train import checkpoint
from gptpath.train.checkpoint import Checkpoints, History
from gptpath.train.parallel import Parallel


def save_state(folder, model, optimiser, step, history, *, keep=2):
    states = Checkpoints(folder, model, optimiser, keep=keep)
    states.save(step, history)
    assert states.wait()
    return states.path(step)


def restore_state(folder, model, optimiser):
    return Checkpoints(folder, model, optimiser, keep=2).restore()


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


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_only_the_newest_states_are_kept(tmp_path, keep):
    for step in (2, 3, 5, 8):
        save_state(tmp_path, *advanced(1), step, history(step), keep=keep)
    steps = [2, 3, 5, 8][-keep:]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"state-{s:08d}" for s in steps]


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
        lambda state: flip_a_byte(state / "part-00000.safetensors"),
        lambda state: (state / "part-00000.safetensors").unlink(),
        lambda state: (state / "state.json").write_text("{"),
        lambda state: (state / "state.json").unlink(),
    ],
    ids=["a flipped bit", "no tensors", "no JSON", "no json file"],
)
def test_a_damaged_state_is_passed_over_for_the_one_before(folder, damage, caplog):
    damage(folder / "state-00000005")
    assert restore_state(folder, *fresh()) == (3, history(3))
    assert "cannot resume from state-00000005" in caplog.text


@pytest.mark.parametrize("keep", [1, 2])
def test_a_new_state_outlasts_damaged_ones_of_later_steps(tmp_path, keep):
    for step in (7, 8):
        damaged = save_state(tmp_path, *advanced(1), step, history(step), keep=keep)
        (damaged / "state.json").unlink()
    save_state(tmp_path, *advanced(2), 3, history(3), keep=keep)
    assert restore_state(tmp_path, *fresh()) == (3, history(3))


def test_a_half_written_state_is_ignored_and_cleared_away(folder):
    shutil.copytree(folder / "state-00000005", folder / ".state-00000009-x")
    assert restore_state(folder, *fresh())[0] == 5
    assert not (folder / ".state-00000009-x").exists()


def test_training_may_go_on_while_a_state_is_written(tmp_path, monkeypatch):
    may_write, original = threading.Event(), checkpoint.write_part
    monkeypatch.setattr(
        checkpoint, "write_part", lambda *given: may_write.wait(10) and original(*given)
    )
    model, optimiser = advanced(2)
    rows = history(2)
    states = Checkpoints(tmp_path, model, optimiser, keep=2)
    states.save(2, rows)
    assert not states.finished()
    for parameter in model.parameters():
        parameter.data.zero_()
        optimiser.state[parameter]["exp_avg"].zero_()
    rows.train.append({"step": 3})
    may_write.set()
    assert states.wait()
    assert not states.finished()  # told once
    restored, expected = fresh(seed=1), advanced(2)
    assert restore_state(tmp_path, *restored) == (2, history(2))
    for parameter, wanted in zip(restored[0].parameters(), expected[0].parameters(), strict=True):
        assert torch.equal(parameter, wanted)
        moments = restored[1].state[parameter], expected[1].state[wanted]
        assert torch.equal(moments[0]["exp_avg"], moments[1]["exp_avg"])


def test_a_state_that_cannot_be_written_stops_the_training(tmp_path, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_part", full)
    states = Checkpoints(tmp_path, *advanced(1), keep=2)
    states.save(1, history(1))
    with pytest.raises(CheckpointError, match="No space left on device; make room there"):
        states.wait()


@pytest.mark.parametrize("full", [0, 1])
def test_a_rank_that_cannot_write_its_part_ends_all_of_them(tmp_path, monkeypatch, full):
    """Ranks in threads; without their agreement the first would wait for the part for ever."""
    model, optimiser = advanced(1)
    meeting, write = Meeting(2), checkpoint.write_part

    def write_or_fail(folder, rank, *rest):
        if rank == full:
            raise OSError(28, "No space left on device")
        write(folder, rank, *rest)

    told = {}

    def save(rank):
        states = Checkpoints(tmp_path, model, optimiser, keep=2, parallel=meeting.place(rank))
        states.save(1, history(1))
        while rank == full and states._error is None:
            time.sleep(0.01)
        try:
            assert not (rank == full and states.finished())
            states.wait()
        except CheckpointError as error:
            told[rank] = str(error)

    monkeypatch.setattr(checkpoint, "write_part", write_or_fail)
    threads = [threading.Thread(target=save, args=(rank,), daemon=True) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(told) == [0, 1]
    assert all("No space left on device; make room there" in text for text in told.values())
    assert restore_state(tmp_path, *fresh()) == (0, History())


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_the_parts_of_any_number_of_ranks_make_one_state(tmp_path, ranks):
    """Ranks in threads: what one reads is what all wrote together, and they hold equal models."""
    model, optimiser = advanced(3)
    meeting = Meeting(ranks)

    def save(rank):
        states = Checkpoints(tmp_path, model, optimiser, keep=2, parallel=meeting.place(rank))
        states.save(3, history(3))
        states.wait()

    with ThreadPoolExecutor(ranks) as pool:
        list(pool.map(save, range(ranks)))
    names = sorted(path.name for path in (tmp_path / "state-00000003").iterdir())
    assert names == [*(f"part-{rank:05d}.safetensors" for rank in range(ranks)), "state.json"]
    read_model, read_optimiser = fresh(seed=1)
    assert restore_state(tmp_path, read_model, read_optimiser) == (3, history(3))
    for parameter, expected in zip(read_model.parameters(), model.parameters(), strict=True):
        assert torch.equal(parameter, expected)
        for key, value in optimiser.state[expected].items():
            assert torch.equal(read_optimiser.state[parameter][key], value)


class Meeting:
    """Lets threads gather values as ranks would."""

    def __init__(self, ranks):
        self.ranks, self.barrier = ranks, threading.Barrier(ranks)
        self.values = [None] * ranks

    def place(self, rank):
        def gather(place, value):
            self.values[rank] = value
            self.barrier.wait(10)
            values = list(self.values)
            self.barrier.wait(10)
            return values

        kind = type("Place", (Parallel,), {"gather": gather})
        return kind(rank=rank, ranks=self.ranks)
