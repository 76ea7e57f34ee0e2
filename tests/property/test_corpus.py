"""The corpus has the same bytes however many workers there are, and whichever is done first."""

import random
import threading
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gptpath.config.ingest import Files, Ingest
from gptpath.config.sections import Parallel
from gptpath.events import ignore
from gptpath.text import fates
from gptpath.text.corpus import build_corpus, list_work
from gptpath.text.executors import open_executor
from gptpath.text.sources import listing
from tests.books import tree, write_books

SETTINGS = Ingest(
    sources=(
        Files(name="a", path="a", part_chars=2000, weight=1.0),
        Files(name="b", path="b", part_chars=2000, weight=1.0),
    ),
    validation_fraction=0.2,
    tasks_fraction=0.2,
)


class Shuffled(Executor):
    """Runs what waits in a random order, one at a time."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._waiting: list = []
        self._lock = threading.Condition()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        with self._lock:
            self._waiting.append((future, fn, args, kwargs))
            self._lock.notify()
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        with self._lock:
            self._waiting.append(None)
            self._lock.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._waiting)
                chosen = self._waiting.pop(self._rng.randrange(len(self._waiting)))
            if chosen is None:
                return
            future, function, args, kwargs = chosen
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(*args, **kwargs))
                except BaseException as error:
                    future.set_exception(error)


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_books(folder / "a", 24)
    write_books(folder / "b", 9, first=100)
    (folder / "a" / "copy.txt").write_text((folder / "b" / "book103.txt").read_text())
    return folder


@pytest.fixture(autouse=True)
def _many_units_and_shards(monkeypatch):
    monkeypatch.setattr(listing, "UNIT_BYTES", 30_000)
    monkeypatch.setattr(fates, "SHARD_BYTES", 20_000)


def build(raw: Path, scratch: Path, executor: Executor) -> dict[str, bytes]:
    work = list_work(SETTINGS, raw)
    corpus = build_corpus(SETTINGS, work, seed=1, scratch=scratch, executor=executor, emit=ignore)
    return tree(corpus.folder)


@pytest.fixture(scope="module")
def expected(raw, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, Shuffled(0) as executor:
        patch.setattr(listing, "UNIT_BYTES", 30_000)
        patch.setattr(fates, "SHARD_BYTES", 20_000)
        found = build(raw, tmp_path_factory.mktemp("expected"), executor)
    assert len([name for name in found if name.startswith("train/")]) > 2
    return found


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(1, 2**32))
def test_the_order_in_which_work_is_done_does_not_matter(raw, tmp_path_factory, expected, seed):
    with Shuffled(seed) as executor:
        assert build(raw, tmp_path_factory.mktemp("shuffled"), executor) == expected


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_processes_does_not_matter(raw, tmp_path, expected, workers):
    with open_executor(Parallel(workers=workers)) as executor:
        assert build(raw, tmp_path, executor) == expected
