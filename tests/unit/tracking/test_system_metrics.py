import logging
import time

import pytest

from gptpath.tracking import system_metrics
from gptpath.tracking.mlflow_run import open_run
from gptpath.tracking.system_metrics import SystemMetrics

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning")


def busy(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(1000))


def test_a_runs_metrics_hold_the_machines_load(root, facts, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.3")
    record = open_run(root, facts, parent=None, flow_run=None)
    busy(3.0)
    record.finish("FINISHED", {})
    name = "system/cpu_utilization_percentage"
    history = record._client.get_metric_history(record.run_id, name)
    assert len(history) >= 3
    assert [one.step for one in history] == list(range(len(history)))
    assert all(0 < one.value <= 100 for one in history)
    metrics = record._client.get_run(record.run_id).data.metrics
    assert metrics["system/system_memory_usage_megabytes"] > 10
    assert {"system/disk_usage_percentage", "system/network_receive_megabytes"} <= metrics.keys()


def test_a_stage_shorter_than_the_interval_has_one_reading(root, facts) -> None:
    record = open_run(root, facts, parent=None, flow_run=None)
    busy(1.2)
    record.finish("FINISHED", {})
    history = record._client.get_metric_history(record.run_id, "system/cpu_utilization_percentage")
    assert len(history) == 1


def test_mlflows_own_variable_switches_them_off(root, facts, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    record = open_run(root, facts, parent=None, flow_run=None)
    time.sleep(0.3)
    record.finish("FINISHED", {"loss": 1.0})
    assert record._client.get_run(record.run_id).data.metrics == {"final/loss": 1.0}


def test_a_machine_that_tells_nothing_costs_a_warning(monkeypatch, caplog) -> None:
    class Broken(system_metrics.CPUMonitor):
        reads = 0

        def collect_metrics(self) -> None:
            Broken.reads += 1
            if Broken.reads > 1:
                raise OSError("no such file")
            super().collect_metrics()

    monkeypatch.setattr(system_metrics, "CPUMonitor", Broken)
    monkeypatch.setattr(system_metrics, "INTERVAL_SECONDS", 0.05)
    taken: list[object] = []
    with caplog.at_level(logging.WARNING):
        metrics = SystemMetrics(lambda values, number: taken.append(values))
        time.sleep(0.3)
        metrics.stop()
    assert taken == []
    assert "no more system metrics" in caplog.text
