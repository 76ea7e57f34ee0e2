"""`make ui`: the MLflow and Prefect pages of this checkout, on this machine only."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from gptpath.tracking.store import tracking_uri

ROOT = Path(__file__).resolve().parents[1]
MLFLOW_PORT = os.environ.get("GPTPATH_MLFLOW_PORT", "5000")
PREFECT_PORT = os.environ.get("GPTPATH_PREFECT_PORT", "4200")


def commands() -> dict[str, list[str]]:
    """The two servers by their address, bound to the loopback interface."""
    programs = Path(sys.executable).parent
    host = "127.0.0.1"
    return {
        f"MLflow   http://{host}:{MLFLOW_PORT}": [
            str(programs / "mlflow"),
            "ui",
            f"--backend-store-uri={tracking_uri(ROOT)}",
            f"--host={host}",
            f"--port={MLFLOW_PORT}",
        ],
        f"Prefect  http://{host}:{PREFECT_PORT}": [
            str(programs / "prefect"),
            "server",
            "start",
            f"--host={host}",
            f"--port={PREFECT_PORT}",
        ],
    }


def main() -> int:
    """Run both until one ends or the reader interrupts; returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    pages = commands()
    processes = [subprocess.Popen(command, cwd=ROOT) for command in pages.values()]
    sys.stdout.write("\n".join([*pages, "Interrupt (Ctrl-C) ends both.\n"]))
    sys.stdout.flush()
    try:
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
        return max(process.poll() or 0 for process in processes)
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
