import threading

import pytest
import torch

from gptpath.train import loop
from gptpath.train.batches import Batches
from gptpath.train.prefetch import Prefetch, steps_ahead
from gptpath.train.stopping import StopRequested

CPU = torch.device("cpu")


@pytest.fixture
def batches(split):
    return Batches(split, context_length=16, batch_size=6, seed=3)


def reader(batches, ahead, rows=range(6)):
    return Prefetch(batches, size=2, rows=rows, device=CPU, ahead=ahead)


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "batch-reader"]


def listed(pairs):
    return [[tensor.tolist() for tensor in pair] for pair in pairs]


@pytest.mark.parametrize("steps", [range(70), [5, 6, 2, 2, 3, 60, 0]], ids=["onwards", "jumps"])
def test_what_is_read_ahead_is_what_the_batches_are(batches, steps):
    rows = range(2, 6)
    prefetch = reader(batches, 2, rows)
    for step in steps:
        expected = listed(batches.micro_batches(step, 2, CPU, rows))
        assert listed(prefetch.micro_batches(step)) == expected
    assert len(readers()) == 1
    prefetch.close()
    assert not readers()


def test_no_more_than_the_steps_ahead_are_read(batches, monkeypatch):
    read, enough = [], threading.Event()
    starts = batches.window_starts

    def window_starts(step):
        read.append(step)
        if len(read) == 4:
            enough.set()
        return starts(step)

    monkeypatch.setattr(batches, "window_starts", window_starts)
    prefetch = reader(batches, 3)
    list(prefetch.micro_batches(0))
    assert enough.wait(10)
    prefetch.close()
    assert read == [0, 1, 2, 3]


def test_an_error_of_reading_is_raised_where_the_step_is_asked_for(batches, monkeypatch):
    starts = batches.window_starts

    def window_starts(step):
        if step == 2:
            raise OSError("the disk is gone")
        return starts(step)

    monkeypatch.setattr(batches, "window_starts", window_starts)
    prefetch = reader(batches, 2)
    assert len(list(prefetch.micro_batches(0))) == len(list(prefetch.micro_batches(1))) == 3
    with pytest.raises(OSError, match="the disk is gone"):
        list(prefetch.micro_batches(2))
    assert not readers()


def test_on_a_cpu_nothing_is_read_ahead(make_trainer):
    assert steps_ahead(CPU) == 0
    trainer = make_trainer()
    trainer._update()
    assert not readers()


def test_a_training_that_reads_ahead_stops_cleanly_and_goes_on_to_the_same_bits(
    make_trainer, stop_after, monkeypatch
):
    plain = make_trainer("plain")
    score = plain.run()
    monkeypatch.setattr(loop, "steps_ahead", lambda device: 2)
    stopped = make_trainer("ahead", stop=stop_after(57))
    with pytest.raises(StopRequested):
        stopped.run()
    assert 0 < stopped.step < 20
    assert not readers()
    resumed = make_trainer("ahead")
    assert resumed.run() == score
    assert resumed.history == plain.history
    assert not readers()
