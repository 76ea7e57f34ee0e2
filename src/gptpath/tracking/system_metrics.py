"""Load of the machine while a stage runs, as MLflow's `system/...` metrics.

MLflow's own monitors read the numbers. Its thread is not used: it ends for good the first time
the store does not answer.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from mlflow.environment_variables import MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

SWITCH = "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"
"""MLflow's own variable; here they are on unless it says `false`."""
INTERVAL_SECONDS = 10.0
LEAST_SECONDS = 1.0
"""Of a shorter stage there is nothing to say: processor load is a mean over time."""

logger = logging.getLogger(__name__)


class SystemMetrics:
    """Reads the machine's load every few seconds, in a thread, until it is stopped."""

    def __init__(self, take: Callable[[Mapping[str, float], int], None]) -> None:
        """`take` gets named numbers and their number in the row; called from the thread."""
        self._take = take
        self._monitors: list[Any] = [CPUMonitor(), DiskMonitor(), NetworkMonitor(), *_gpu()]
        self._interval = MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL.get() or INTERVAL_SECONDS
        self._ended = threading.Event()
        self._samples = 0
        self._read_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="system metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take a last reading, unless the one before is only just past."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._read()  # loads are means since the last reading, each thread's own
            while not self._ended.wait(self._interval):
                self._tell()
            if time.monotonic() - self._read_at >= min(LEAST_SECONDS, self._interval):
                self._tell()
        except Exception:  # of a driver, or a file of /proc that is not there: no stage fails of it
            logger.warning("no more system metrics", exc_info=True)

    def _tell(self) -> None:
        values = self._read()
        self._read_at = time.monotonic()
        self._take(
            {f"system/{name}": float(value) for name, value in values.items()}, self._samples
        )
        self._samples += 1

    def _read(self) -> dict[str, float]:
        values: dict[str, float] = {}
        for monitor in self._monitors:
            monitor.collect_metrics()
            values |= monitor.aggregate_metrics()
            monitor.clear_metrics()
        return values


def system_metrics_are_on() -> bool:
    """Whether runs get the machine's load; MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=false: not."""
    return os.environ.get(SWITCH, "").lower() not in ("false", "0")


def _gpu() -> list[Any]:
    """The monitor of all GPUs; none without a GPU or without NVIDIA's Python package."""
    try:
        return [GPUMonitor()]
    except Exception as error:  # whatever the driver or its absence may raise
        logger.debug("no GPU metrics: %s", error)
        return []
