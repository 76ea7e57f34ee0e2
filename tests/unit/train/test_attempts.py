import json
import shutil

from gptpath.train import attempts
from gptpath.train.attempts import Attempt, costs
from gptpath.train.parallel import ALONE


def rank(folder, number, **facts):
    whole = {
        "wall_seconds": 10.0,
        "cpu_seconds": 5.0,
        "peak_memory_bytes": 100,
        "peak_device_memory_bytes": None,
        "energy_joules": 70.0,
        "energy_source": "nvml",
        "device": "NVIDIA H100",
        "host": "a",
        "tokens": 1000,
    } | facts
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number:05d}.json").write_text(json.dumps(whole))


def test_an_attempt_without_any_file_costs_nothing(tmp_path):
    (tmp_path / "attempts" / "x").mkdir(parents=True)
    assert costs(tmp_path) == ()


def test_ranks_are_summed_and_the_energy_of_a_host_counts_once(tmp_path):
    folder = tmp_path / "attempts" / "first"
    rank(folder, 0, peak_device_memory_bytes=7)
    rank(folder, 1, wall_seconds=12.0, energy_joules=80.0, peak_device_memory_bytes=9)
    rank(folder, 2, host="b", peak_memory_bytes=300, peak_device_memory_bytes=8)
    (cost,) = costs(tmp_path)
    assert cost["wall_seconds"] == 12.0
    assert cost["device_seconds"] == 32.0
    assert cost["cpu_seconds"] == 15.0
    assert cost["energy_joules"] == 80.0 + 70.0
    assert (cost["peak_memory_bytes"], cost["peak_device_memory_bytes"]) == (300, 9)
    assert cost["tokens"] == 3000


def test_one_host_of_unknown_energy_makes_the_sum_unknown(tmp_path):
    folder = tmp_path / "attempts" / "first"
    rank(folder, 0)
    rank(folder, 1, host="b", energy_joules="unknown", energy_source="unknown")
    (cost,) = costs(tmp_path)
    assert cost["energy_joules"] == cost["energy_source"] == "unknown"


def test_attempts_come_in_the_order_in_which_they_began(tmp_path):
    for place, steps in enumerate((3, 2), start=1):
        attempt = Attempt(tmp_path, ALONE, tokens_per_step=10)
        attempt.note(1)
        attempt.note(steps)
        assert len(costs(tmp_path)) == place
    assert [cost["tokens"] for cost in costs(tmp_path)] == [30, 20]


def test_an_attempt_that_is_killed_leaves_its_last_note(tmp_path, monkeypatch):
    attempt = Attempt(tmp_path, ALONE, tokens_per_step=10)
    attempt.note_sometimes(1)
    assert costs(tmp_path) == ()
    monkeypatch.setattr(attempts, "SECONDS_BETWEEN_NOTES", 0.0)
    attempt.note_sometimes(2)
    (cost,) = costs(tmp_path)
    assert cost["tokens"] == 20
    assert cost["device"] == "cpu"
    assert 0 < cost["wall_seconds"] == cost["device_seconds"] < 60


def test_a_note_that_finds_no_room_ends_no_training(tmp_path, caplog):
    attempt = Attempt(tmp_path, ALONE, tokens_per_step=10)
    attempt.note(1)
    shutil.rmtree(tmp_path / "attempts")
    attempt.note(2)
    assert "could not be noted" in caplog.text
    assert costs(tmp_path) == ()
