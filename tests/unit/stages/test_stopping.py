"""A stage notices that its flow is gone, also one that nobody has waited for yet."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gptpath.stages.stopping import FLOW_PROCESS, stoppable


def test_a_dead_flow_ends_the_stage_though_nobody_has_waited_for_it(monkeypatch):
    flow = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    monkeypatch.setenv(FLOW_PROCESS, str(flow.pid))

    def work():
        with stoppable(poll_seconds=0.02):
            time.sleep(0.1)  # the flow lives, and so does the stage
            flow.kill()
            os.waitid(os.P_PID, flow.pid, os.WEXITED | os.WNOWAIT)  # dead, and left a zombie
            time.sleep(10)

    with pytest.raises(SystemExit) as raised:
        work()
    flow.communicate()
    assert raised.value.code == 128 + signal.SIGTERM
