from pathlib import Path

from gptpath.planning.machine import describe_machine


def test_this_machine_has_cores_memory_and_disk(tmp_path: Path) -> None:
    machine = describe_machine(tmp_path, "cpu")
    assert machine.cores >= 1
    assert 10**8 < machine.memory_bytes < 2**62
    assert machine.disk_free_bytes > 0
    assert machine.gpu is None
