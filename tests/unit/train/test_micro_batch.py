import json
import os
from dataclasses import replace

import pytest
import torch

from gptpath.config.presets import gpt2_laptop_s
from gptpath.errors import ConfigError
from gptpath.train import micro_batch, probe
from gptpath.train.memory import divisors, training_bytes
from gptpath.train.micro_batch import (
    CHOICE_FILE,
    fastest_that_fits,
    largest_that_fits,
    recorded_choice,
    search_micro_batch,
    settle_micro_batch,
)
from gptpath.train.parallel import ALONE, Parallel
from gptpath.train.probe import Trial
from tests.unit.train.conftest import CONFIG, RECIPE

AUTO = replace(RECIPE, batch_size_sequences=12, micro_batch_size_sequences="auto")
FACTS = {"room_bytes": 1e9, "trials": []}


class Device:
    """Takes `fixed + slope x sequences` bytes, and runs out of memory above `most`."""

    def __init__(self, *, fixed=100, slope=10, most=10**9):
        self.fixed, self.slope, self.most = fixed, slope, most
        self.tried = []

    def attempt(self, sequences):
        self.tried.append(sequences)
        size = self.fixed + self.slope * sequences
        return Trial(
            sequences=sequences, bytes=size if size <= self.most else None, seconds=sequences
        )


@pytest.mark.parametrize("share", [1, 7, 60, 96, 512])
@pytest.mark.parametrize("most", [1, 2, 3, 11, 47, 95, 96, 1000])
@pytest.mark.parametrize("slope", [10, 1])
def test_the_largest_divisor_within_the_budget_is_found_with_few_trials(share, most, slope):
    device = Device(slope=slope)
    size, trials = largest_that_fits(divisors(share), device.attempt, 100 + slope * most)
    assert size == max(d for d in divisors(share) if d <= most)
    assert device.tried == [trial.sequences for trial in trials]
    assert len(trials) <= 8
    assert len(set(device.tried)) == len(device.tried)


def test_running_out_of_memory_below_the_budget_leads_back_to_what_fits():
    device = Device(most=100 + 10 * 20)
    size, _ = largest_that_fits(divisors(64), device.attempt, 10**6)
    assert size == 16


def test_memory_that_grows_faster_than_a_line_leads_back_too():
    def attempt(sequences):
        return Trial(sequences=sequences, bytes=sequences**2, seconds=1.0)

    size, trials = largest_that_fits(divisors(512), attempt, 128**2)
    assert size == 128
    assert max(trial.sequences for trial in trials) <= 256


def test_a_model_of_which_not_one_sequence_fits_is_refused_with_what_to_do():
    with pytest.raises(ConfigError, match="takes 0.0 GB.*recompute_activations: true"):
        largest_that_fits([1, 2], Device().attempt, 50)
    with pytest.raises(ConfigError, match="more than all memory"):
        largest_that_fits([1, 2], Device(most=1).attempt, 50)


@pytest.mark.parametrize(
    ("rates", "budget", "best"),
    [
        ({1: 10, 2: 19, 4: 30, 8: 31, 16: 31.2, 32: 90}, 10**6, 4),  # two that gain nothing: enough
        ({1: 10, 2: 19, 4: 30, 8: 50}, 100 + 10 * 4, 4),
        ({1: 10, 2: 9, 4: 12, 8: 13}, 10**6, 8),
        ({1: 10, 2: 19}, 1, 1),
    ],
)
def test_on_a_cpu_the_fastest_size_that_fits_is_taken(rates, budget, best):
    def attempt(sequences):
        seconds = sequences / rates[sequences] / 1000
        return Trial(sequences=sequences, bytes=100 + 10 * sequences, seconds=seconds)

    assert fastest_that_fits(sorted(rates), attempt, budget)[0] == best


def test_sizes_that_take_long_are_followed_by_none():
    device = Device()
    size, trials = fastest_that_fits(divisors(64), device.attempt, 10**6)
    assert (size, [trial.sequences for trial in trials]) == (1, [1, 2, 4])


def test_a_number_or_none_is_left_as_it_is(tmp_path):
    for micro in (None, 3):
        recipe = replace(AUTO, micro_batch_size_sequences=micro)
        assert settle_micro_batch(recipe, tmp_path, ALONE, pytest.fail) is recipe
    assert recorded_choice(tmp_path) is None


def test_the_choice_is_made_once_and_kept_when_the_run_goes_on(tmp_path, caplog):
    caplog.set_level("INFO", logger="gptpath")
    recipe = settle_micro_batch(AUTO, tmp_path, ALONE, lambda share: (4, FACTS))
    assert recipe == replace(AUTO, micro_batch_size_sequences=4)
    assert "chose 4 of the 12 sequences" in caplog.text
    assert recorded_choice(tmp_path) == 4
    again = settle_micro_batch(AUTO, tmp_path, ALONE, lambda share: pytest.fail("searched again"))
    assert again == recipe
    facts = json.loads((tmp_path / CHOICE_FILE).read_text())
    assert facts == {"sequences": 4, "ranks": 1} | FACTS


class Others(Parallel):
    """One of several ranks, the others of which say what is given."""

    def gather(self, value):
        return [value, (2, FACTS)] if isinstance(value, tuple) else [value]

    def agree(self, work):
        return work()


def test_ranks_take_the_smallest_of_their_choices(tmp_path):
    parallel = Others(ranks=2)
    recipe = settle_micro_batch(AUTO, tmp_path, parallel, lambda share: (share, FACTS))
    assert recipe.micro_batch_size_sequences == 2


def test_on_other_ranks_a_choice_that_does_not_divide_becomes_the_next_that_does(tmp_path, caplog):
    settle_micro_batch(AUTO, tmp_path, ALONE, lambda share: (4, FACTS))
    recipe = settle_micro_batch(AUTO, tmp_path, Others(ranks=2), pytest.fail)  # 6 sequences each
    assert recipe.micro_batch_size_sequences == 3
    assert "began with micro-batches of 4" in caplog.text
    with pytest.raises(ConfigError, match="does not divide among 5 ranks"):
        settle_micro_batch(AUTO, tmp_path, Others(ranks=5), pytest.fail)


def test_the_true_model_is_tried_on_a_cpu_by_estimate_and_clock(monkeypatch):
    config = replace(gpt2_laptop_s(), context_length=32, vocab_size=300)
    sizes = {s: training_bytes(config, sequences=s, device="cpu", bfloat16=False) for s in (1, 4)}
    room = sizes[4] / micro_batch.ROOM_TO_USE + 1
    monkeypatch.setattr(probe, "free_host_bytes", lambda: int(room))
    before = torch.random.get_rng_state()
    size, facts = search_micro_batch(
        16, device=torch.device("cpu"), config=config, recipe=AUTO, precision="float32"
    )
    assert size <= 4
    assert facts["room_bytes"] == int(room)
    assert facts["trials"][0]["bytes"] == sizes[1]
    assert all(trial["seconds"] > 0 for trial in facts["trials"])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_model_whose_weights_do_not_fit_is_refused_too(monkeypatch):
    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("tried to allocate 6 GiB")

    monkeypatch.setattr(probe, "build_optimiser", full)
    with pytest.raises(ConfigError, match="6 GiB.*fsdp on more GPUs"):
        search_micro_batch(
            4, device=torch.device("cpu"), config=CONFIG, recipe=AUTO, precision="float32"
        )


def test_ranks_of_one_host_share_its_memory(monkeypatch):
    monkeypatch.setattr(probe, "free_host_bytes", lambda: 10**9)
    monkeypatch.setitem(os.environ, "LOCAL_WORLD_SIZE", "4")
    assert probe.free_bytes(torch.device("cpu")) == 10**9 // 4


def test_a_sharded_state_leaves_more_room(monkeypatch):
    monkeypatch.setattr(probe, "free_host_bytes", lambda: 10**9)
    with probe.open_probe(
        CONFIG,
        AUTO,
        device=torch.device("cpu"),
        precision="float32",
        strategy="fsdp",
        ranks=4,
    ) as opened:
        count = sum(parameter.numel() for parameter in opened._model.parameters())
        assert opened.room_bytes == 10**9 + 16 * count * 3 // 4
    assert not hasattr(opened, "_model")


def test_the_word_is_the_only_one(tmp_path):
    with pytest.raises(ConfigError, match="give a number or auto"):
        replace(RECIPE, micro_batch_size_sequences="all")
