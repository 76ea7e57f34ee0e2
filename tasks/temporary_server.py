"""Ends Prefect's temporary server when the flow that started it is killed outright.

A flow that ends, even by a signal, stops its server itself. After `kill -9` nobody does. So a
watcher holds the other end of a pipe, which the kernel closes however the flow dies.
"""

import os
import subprocess
import sys
from pathlib import Path

import psutil

OWNER = "GPTPATH_SERVER_OWNER"
"""Environment variable that a flow's server inherits: the process id of the flow."""
SERVER = "prefect.server.api.server:create_app"

ROOT = Path(__file__).resolve().parents[1]


def end_server_with_this_process() -> None:
    """Start the watcher; call before the flow does."""
    os.environ[OWNER] = str(os.getpid())
    held, kept = os.pipe()
    subprocess.Popen(
        [sys.executable, "-m", "tasks.temporary_server", str(held), str(os.getpid())],
        cwd=ROOT,
        pass_fds=[held],
        start_new_session=True,  # Ctrl-C is for the flow
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(held)
    del kept  # stays open, in this process alone, until its end


def servers_of(owner: int) -> list[psutil.Process]:
    """The temporary servers that process `owner` has started."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if SERVER in process.cmdline() and process.environ().get(OWNER) == str(owner):
                found.append(process)
        except psutil.Error:
            continue  # it has ended, or it is somebody else's
    return found


def main(held: int, owner: int) -> None:
    """Wait for the end of `owner`, then end the servers that it has left."""
    os.read(held, 1)
    for server in servers_of(owner):
        server.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
