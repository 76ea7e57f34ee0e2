"""How a flow runs as a program of its own: signals, exit codes, and what a person is told."""

import signal
import sys
from collections.abc import Callable

from gptpath.errors import GptPathError
from tasks.logs import hide_tracebacks_of_expected_errors, log_as_asked
from tasks.temporary_server import end_server_with_this_process


def run_as_program(start: Callable[[], str], *, what: str) -> int:
    """Run a flow and print what `start` says of it; returns the exit code.

    0 when it came to its end, 1 and one sentence about `what` when it failed, 130 when stopped.
    """
    hide_tracebacks_of_expected_errors()
    log_as_asked()
    # Prefect handles SIGTERM while the flow runs and then passes it on to this handler; the
    # default one would end Python at once and leave Prefect's server behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    end_server_with_this_process()
    try:
        said = start()
    except GptPathError as error:
        print(f"\n{what} stopped. {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit):
        print("\nStopped. Run again to go on from the last checkpoint.", file=sys.stderr)
        return 130
    print(f"\n{said}")
    return 0
