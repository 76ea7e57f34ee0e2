import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from gptpath.train import ledger
from gptpath.train.ledger import Meter, account, machine, utilisation
from gptpath.train.peaks import peak_flops


@pytest.fixture(autouse=True)
def _no_boards_and_no_packages(monkeypatch, tmp_path):
    monkeypatch.setattr(ledger, "POWERCAP", tmp_path)
    monkeypatch.setattr(ledger, "_board_joules", dict)


def test_time_and_memory_are_measured_and_energy_is_unknown_without_counters():
    with Meter() as reading:
        assert reading == {}
        deadline = time.process_time() + 0.05
        while time.process_time() < deadline:
            pass
    assert reading["wall_seconds"] >= 0.045
    assert 0.045 <= reading["cpu_seconds"] < 30
    assert 2**23 < reading["peak_memory_bytes"] < 2**37
    assert reading["energy_joules"] == reading["energy_source"] == "unknown"
    json.dumps(reading)


def test_a_reading_is_taken_even_when_the_work_fails():
    meter = Meter()
    with pytest.raises(ValueError, match="work"), meter as reading:
        raise ValueError("work")
    assert "wall_seconds" in reading


def package(folder, name, microjoules, maximum=10_000_000):
    folder.mkdir(exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text(f"{maximum}\n")


def test_energy_is_that_of_all_packages_across_a_counter_that_starts_over(tmp_path):
    package(tmp_path / "intel-rapl:0", "package-0", 1_000_000)
    package(tmp_path / "intel-rapl:1", "package-1", 9_000_000)
    package(tmp_path / "intel-rapl:1:0", "dram", 0)
    with Meter() as reading:
        package(tmp_path / "intel-rapl:0", "package-0", 4_000_000)
        package(tmp_path / "intel-rapl:1", "package-1", 500_000)
        package(tmp_path / "intel-rapl:1:0", "dram", 7_000_000)
    assert reading["energy_joules"] == pytest.approx(3.0 + 1.5)
    assert reading["energy_source"] == "rapl"


def test_a_package_that_may_not_be_read_makes_the_energy_unknown(tmp_path):
    package(tmp_path / "intel-rapl:0", "package-0", 1_000_000)
    package(tmp_path / "intel-rapl:1", "package-1", 1_000_000)
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
    with Meter() as reading:
        pass
    assert reading["energy_joules"] == "unknown"


@pytest.fixture
def gpu(monkeypatch):
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        is_available=lambda: True,
        device_count=lambda: 1,
        get_device_name=lambda: "NVIDIA H200",
        max_memory_allocated=lambda: 123,
        get_device_properties=lambda index: SimpleNamespace(name="NVIDIA H200", uuid="abc"),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))


def test_energy_of_a_gpu_run_is_that_of_its_own_board(gpu, monkeypatch):
    joules = iter([{"GPU-abc": 100.0, "GPU-xyz": 0.0}, {"GPU-abc": 350.0, "GPU-xyz": 9.0}])
    monkeypatch.setattr(ledger, "_board_joules", lambda: next(joules))
    with Meter() as reading:
        pass
    assert (reading["energy_joules"], reading["energy_source"]) == (250.0, "nvml")


def test_a_gpu_run_never_shows_the_processors_energy(gpu, tmp_path):
    package(tmp_path / "intel-rapl:0", "package-0", 1_000_000)
    with Meter() as reading:
        pass
    assert reading["energy_joules"] == "unknown"


def test_utilisation_is_the_share_of_the_gpus_peak(gpu):
    assert utilisation(989e12 / 2) == pytest.approx(0.5)
    assert utilisation(989e12 / 2, devices=2) == pytest.approx(0.25)
    assert utilisation(312e12, name="NVIDIA A100-SXM4-40GB") == pytest.approx(1.0)
    assert utilisation(None) == "unknown"


def test_more_than_the_peak_is_a_fault_of_the_table_and_never_told(gpu, caplog):
    assert utilisation(2 * 989e12) == "unknown"
    assert "200 % of the peak of 1 x NVIDIA H200" in caplog.text


def test_utilisation_of_a_processor_is_unknown():
    assert utilisation(1e12) == "unknown"


def test_the_memory_of_a_gpu_run_is_told_beside_that_of_its_process(gpu):
    with Meter() as reading:
        pass
    assert reading["peak_device_memory_bytes"] == 123
    assert ledger.peak_memory_bytes() == 123


def reading(**changes):
    measured = {
        "wall_seconds": 10.0,
        "cpu_seconds": 9.0,
        "peak_memory_bytes": 100,
        "peak_device_memory_bytes": None,
        "energy_joules": 50.0,
        "energy_source": "rapl",
    }
    return measured | changes


def attempt(**changes):
    return reading(**({"device_seconds": 20.0, "device": "cpu", "earlier": False} | changes))


def test_a_stage_without_attempts_costs_what_its_process_measured():
    cost = account(reading(), (), flops=None)
    assert cost == reading() | {
        "attempts": 1,
        "device_hours": 10 / 3600,
        "utilisation": "unknown",
    }


def test_all_attempts_count_and_the_reading_contains_those_of_its_own_process():
    attempts = (
        attempt(earlier=True, peak_memory_bytes=300),
        attempt(earlier=True),
        attempt(wall_seconds=8.0),
    )
    cost = account(reading(), attempts, flops=None)
    assert cost["attempts"] == 3
    assert cost["wall_seconds"] == 10 + 10 + 10
    assert cost["cpu_seconds"] == 3 * 9
    assert cost["device_hours"] == 60 / 3600
    assert cost["energy_joules"] == 150
    assert cost["peak_memory_bytes"] == 300


def test_energy_that_one_attempt_does_not_know_is_unknown_as_a_whole():
    unknown = attempt(earlier=True, energy_joules="unknown", energy_source="unknown")
    attempts = (unknown, attempt())
    cost = account(reading(), attempts, flops=None)
    assert cost["energy_joules"] == cost["energy_source"] == "unknown"


def test_attempts_that_torchrun_made_within_one_stage_count_their_time_once():
    attempts = (attempt(wall_seconds=4.0), attempt(wall_seconds=5.0))
    cost = account(reading(), attempts, flops=None)
    assert (cost["attempts"], cost["wall_seconds"], cost["cpu_seconds"]) == (2, 10, 9)
    assert cost["energy_joules"] == 50
    assert cost["device_hours"] == 40 / 3600


def test_a_stage_whose_ranks_had_the_gpus_takes_energy_and_peak_from_them():
    ranks = attempt(
        device="NVIDIA H100 80GB HBM3",
        energy_source="nvml",
        energy_joules=700.0,
        peak_device_memory_bytes=5,
    )
    cost = account(reading(), (ranks,), flops=989e12 * 5)
    assert (cost["energy_joules"], cost["energy_source"]) == (700.0, "nvml")
    assert cost["peak_device_memory_bytes"] == 5
    assert cost["utilisation"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA H200 NVL", "unknown"),
        ("NVIDIA H800 PCIe", "unknown"),
        ("NVIDIA A100 80GB PCIe", 312e12),
        ("NVIDIA GH200 480GB", "unknown"),
        ("NVIDIA A10", 125e12),
        ("NVIDIA A10G", "unknown"),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "unknown"),
        ("NVIDIA GeForce GTX 1080", "unknown"),
        ("cpu", "unknown"),
    ],
)
def test_peaks_are_found_by_the_devices_name(name, peak):
    assert peak_flops(name) == peak


def test_the_machine_is_described(gpu):
    described = machine()
    assert described["gpus"] == ["NVIDIA H200"]
    assert described["cores"] >= 1
    assert described["memory_bytes"] > 2**28
    assert described["cpu"]
    json.dumps(described)


def test_a_light_stage_keeps_its_ledger_without_loading_torch():
    code = (
        "import sys; from gptpath.train.ledger import Meter, machine\n"
        "with Meter(): machine()\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
