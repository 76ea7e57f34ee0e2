import os
import signal
import subprocess
import sys
import threading

import pytest

from gptpath.train.stopping import StopRequested, StopSignal, stop_on_signals


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_becomes_a_request_with_its_exit_code(signum, code):
    with stop_on_signals() as stop:
        stop.check()
        os.kill(os.getpid(), signum)
        with pytest.raises(StopRequested) as raised:
            stop.check()
    assert raised.value.code == code


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with stop_on_signals():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_dead_parent_is_a_reason_to_stop(monkeypatch):
    stop = StopSignal()
    stop.check()
    parent = os.getppid()
    monkeypatch.setattr(os, "getppid", lambda: parent + 1)
    with pytest.raises(StopRequested) as raised:
        stop.check()
    assert raised.value.code == 143


def test_outside_the_main_thread_no_handler_is_touched():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work():
        with stop_on_signals() as stop:
            seen.append(signal.getsignal(signal.SIGTERM))
            stop.check()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_watched_process_that_is_dead_is_a_reason_to_stop_though_nobody_has_waited_for_it():
    watched = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with stop_on_signals(watched.pid) as stop:
        stop.check()
        watched.kill()
        os.waitid(os.P_PID, watched.pid, os.WEXITED | os.WNOWAIT)  # dead, and left a zombie
        with pytest.raises(StopRequested) as raised:
            stop.check()
    watched.communicate()
    assert raised.value.code == 143
    assert StopSignal(watched.pid).requested() == signal.SIGTERM
