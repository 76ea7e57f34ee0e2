"""The lock that lives in a registry: one holder among many processes, none that stays for ever."""

import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from gptpath.errors import PipelineError
from gptpath.tracking import registry_lock
from gptpath.tracking.store import open_client

pytestmark = pytest.mark.filterwarnings(
    "default::DeprecationWarning", "default::FutureWarning", "default::ResourceWarning"
)

NAME = "gptpath-tiny"
LOCK = "gptpath-tiny.lock"
PROCESSES, TURNS = 4, 6
COUNTING = """
import sys, time
from pathlib import Path
from gptpath.tracking import registry_lock
from gptpath.tracking.store import open_client
root, count, turns = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
registry_lock.POLL_SECONDS = 0.01
client = open_client(root)
Path(f"{count}.ready-{sys.argv[4]}").touch()
while len(list(count.parent.glob("*.ready-*"))) < int(sys.argv[5]):
    time.sleep(0.01)
for _ in range(turns):
    with registry_lock.registry_lock(client, root, "gptpath-tiny"):
        seen = int(count.read_text())
        time.sleep(0.02)
        count.write_text(str(seen + 1))
"""


@pytest.fixture
def client(root: Path, monkeypatch: pytest.MonkeyPatch):
    """A registry whose address is not that of a plain SQLite file, as a server's is not."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite+pysqlite:///{root / 'mlflow.db'}")
    monkeypatch.setattr(registry_lock, "POLL_SECONDS", 0.01)
    return open_client(root)


def names(client) -> list[str]:
    return [model.name for model in client.search_registered_models()]


def count_together(root: Path, folder: Path) -> int:
    """What several processes count to that take turns under the lock of one registry."""
    count = folder / "count"
    count.write_text("0")
    counting = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", COUNTING, str(root), str(count)),
                *(str(TURNS), str(number), str(PROCESSES)),
            ],
            cwd=Path(__file__).parents[3],
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    said = [process.communicate(timeout=240)[1] for process in counting]
    assert [process.returncode for process in counting] == [0] * PROCESSES, said
    return int(count.read_text())


@pytest.mark.slow
def test_no_two_of_many_processes_are_within_it_at_once(root: Path, client, tmp_path: Path) -> None:
    assert count_together(root, tmp_path) == PROCESSES * TURNS
    assert names(client) == []


def test_it_is_given_back_after_an_error_and_shows_nowhere(root: Path, client) -> None:
    def move() -> None:
        with registry_lock.registry_lock(client, root, NAME):
            assert names(client) == [LOCK]
            raise KeyError

    with pytest.raises(KeyError):
        move()
    assert names(client) == []


def test_who_waits_too_long_is_told_what_to_delete(root: Path, client) -> None:
    client.create_registered_model(LOCK, tags={registry_lock.CLAIM: "host 1 ab"})
    with (
        pytest.raises(PipelineError, match=f"moving the aliases of {NAME} .* model {LOCK}"),
        registry_lock.registry_lock(client, root, NAME, wait_seconds=0.1),
    ):
        pass


def test_a_lock_left_by_a_dead_process_is_broken(
    root: Path, client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_registered_model(LOCK, tags={registry_lock.CLAIM: "host 1 ab"})
    monkeypatch.setattr(registry_lock, "STALE_SECONDS", 0.0)
    with registry_lock.registry_lock(client, root, NAME, wait_seconds=10):
        assert names(client) == [LOCK]
    assert names(client) == []


def test_a_lock_that_changes_hands_is_not_broken(
    root: Path, client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_registered_model(LOCK, tags={registry_lock.CLAIM: "host 2 cd"})
    registry_lock._break(client, LOCK, "host 1 ab", "host 3 ef")
    assert names(client) == [LOCK]


def test_an_answer_that_was_lost_does_not_lock_out_who_asked(
    root: Path, client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = client.create_registered_model

    def make_twice(*arguments, **named) -> None:
        make(*arguments, **named)
        make(*arguments, **named)  # as the HTTP client does when the first answer is lost

    monkeypatch.setattr(client, "create_registered_model", make_twice)
    with registry_lock.registry_lock(client, root, NAME, wait_seconds=1):
        pass


def test_what_else_the_registry_refuses_is_an_error(
    root: Path, client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MlflowException("no room", error_code="INTERNAL_ERROR")

    monkeypatch.setattr(client, "create_registered_model", refuse)
    with (
        pytest.raises(MlflowException, match="no room"),
        registry_lock.registry_lock(client, root, NAME),
    ):
        pass
