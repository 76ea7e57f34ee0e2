import logging
from pathlib import Path

import pytest

from gptpath.errors import TrainingError
from gptpath.events import CheckpointSaved, Evaluated, StepFinished
from gptpath.train.relay import Listener, Teller

EVENTS = [
    StepFinished(
        step=3,
        total_steps=9,
        tokens=30,
        loss=0.1 + 0.2,
        learning_rate=1e-3,
        grad_norm=1.5,
        tokens_per_second=10.0,
        seconds_left=1.0,
        mfu=0.4,
        peak_memory_bytes=5,
    ),
    Evaluated(step=3, values={"validation/loss": 2.5}),
    CheckpointSaved(step=3, path=Path("/somewhere/state-3")),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


@pytest.fixture
def new_teller(path):
    tellers = []
    yield lambda: tellers.append(Teller(path)) or tellers[-1]
    for teller in tellers:
        teller.close()


def test_events_arrive_as_they_were_told(path, new_teller):
    heard = []
    listener = Listener(path, heard.append)
    teller = new_teller()
    for event in EVENTS:
        teller.tell(event)
    listener.close()
    assert heard == EVENTS


def test_what_was_told_before_is_not_told_again(path, new_teller):
    new_teller().tell(EVENTS[0])
    heard = []
    listener = Listener(path, heard.append)
    new_teller().tell(EVENTS[1])
    listener.close()
    assert heard == EVENTS[1:2]


def test_a_line_is_heard_when_it_is_whole_and_one_cut_off_by_a_kill_never(path, new_teller):
    heard = []
    listener = Listener(path, heard.append)
    with path.open("ab") as file:
        file.write(b'{"event": "Evaluated", "val')
    listener.listen()
    new_teller().tell(EVENTS[0])
    listener.close()
    assert heard == EVENTS[:1]


def test_log_lines_keep_their_level_and_their_logger(path, new_teller, caplog):
    listener = Listener(path, lambda event: None)
    record = logging.makeLogRecord(
        {
            "name": "gptpath.train.x",
            "levelno": logging.WARNING,
            "msg": "100 %% of %s",
            "args": ("x",),
        }
    )
    new_teller().emit(record)
    listener.close()
    assert caplog.record_tuples == [("gptpath.train.x", logging.WARNING, "100 % of x")]


def test_how_the_ranks_ended_is_known(path, new_teller):
    listener = Listener(path, lambda event: None)
    assert (listener.stopped, listener.failure) == (None, None)
    teller = new_teller()
    teller.stopped(15)
    teller.failed(TrainingError("step 3: loss nan"))
    listener.close()
    assert listener.stopped == 15
    assert listener.failure == ("TrainingError", "step 3: loss nan")
