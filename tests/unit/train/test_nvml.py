"""The driver's library is made up: it answers through pointers, as NVML does."""

import ctypes
from dataclasses import dataclass

import pytest

from gptpath.train import nvml
from gptpath.train.nvml import Board, boards

NOT_SUPPORTED, NO_PERMISSION = 3, 4


@dataclass(kw_only=True)
class Chip:
    uuid: bytes = b"GPU-a"
    millijoules: int | None = 1500
    mig: int | None = 0
    allowed: bool = True


class FakeNvml:
    def __init__(self, chips, *, init=0):
        self.chips, self.init, self.open = chips, init, False

    def nvmlInit_v2(self):
        self.open = self.init == 0
        return self.init

    def nvmlShutdown(self):
        self.open = False
        return 0

    def nvmlDeviceGetCount_v2(self, count):
        count._obj.value = len(self.chips)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
        if not self.chips[index].allowed:
            return NO_PERMISSION
        handle._obj.value = 1 + index
        return 0

    def nvmlDeviceGetUUID(self, handle, buffer, size):
        assert size == ctypes.sizeof(buffer)
        buffer.value = self.chips[handle.value - 1].uuid
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, energy):
        return self._answer(energy, self.chips[handle.value - 1].millijoules)

    def nvmlDeviceGetMigMode(self, handle, now, later):
        return self._answer(now, self.chips[handle.value - 1].mig)

    def _answer(self, place, value):
        assert self.open
        if value is None:
            return NOT_SUPPORTED
        place._obj.value = value
        return 0


def load(monkeypatch, *chips, init=0):
    library = FakeNvml(chips, init=init)
    monkeypatch.setattr(nvml.ctypes, "CDLL", lambda name: library)
    return library


def test_every_board_is_told_by_its_uuid_with_its_energy(monkeypatch):
    library = load(monkeypatch, Chip(), Chip(uuid=b"GPU-b", millijoules=2_000_000_000_000, mig=1))
    assert boards() == [
        Board(uuid="GPU-a", joules=1.5, split=False),
        Board(uuid="GPU-b", joules=2e9, split=True),
    ]
    assert not library.open


def test_what_a_board_cannot_answer_is_not_taken_from_the_board_before(monkeypatch):
    load(monkeypatch, Chip(mig=1), Chip(uuid=b"GPU-b", millijoules=None, mig=None))
    assert boards()[1] == Board(uuid="GPU-b", joules=None, split=False)


def test_a_board_of_somebody_else_is_left_out(monkeypatch):
    load(monkeypatch, Chip(allowed=False), Chip(uuid=b"GPU-b"))
    assert [board.uuid for board in boards()] == ["GPU-b"]


def test_the_library_is_let_go_when_a_question_fails(monkeypatch):
    library = load(monkeypatch, Chip(uuid=b"\xff"))
    with pytest.raises(UnicodeDecodeError):
        boards()
    assert not library.open


def test_without_a_driver_that_answers_there_are_no_boards(monkeypatch):
    load(monkeypatch, Chip(), init=9)
    assert boards() == []

    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(nvml.ctypes, "CDLL", absent)
    assert boards() == []
