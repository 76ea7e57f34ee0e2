"""What MLflow has not taken yet, on disk: numbers, finished models, the end of a run.

A run's outbox is a folder `.scratch/outbox/<run id>`, there from the opening of the run until the
store has everything. So neither a store that is away nor the death of a stage loses any of it;
`gptpath.tracking.delivery` sends what an earlier process has left.

    run.json            address of the store; status and end of the run, once it has ended
    numbers.jsonl       a line a number: name, value, milliseconds, step
    models/NAME/        hard links to the model's files, and kept.json: its facts

Beside it `<run id>.lock`, held by the process whose run it is.
"""

import json
import logging
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from gptpath.events import ModelFinished
from gptpath.tracking.recorder import StageFacts, Status

FOLDER = (".scratch", "outbox")

Number = tuple[str, float, int, int]
"""Name, value, milliseconds since 1970, step."""

Kept = TypeVar("Kept")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunState:
    """Which run it is, and how it ended."""

    run_id: str
    uri: str
    """Address of the store."""
    status: Status | None = None
    """None while it runs, and for ever if its process was killed."""
    end_time: int | None = None
    """Milliseconds since 1970."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptModel:
    """A finished model that the registry has not taken yet."""

    model: ModelFinished
    """Its path is a folder of the outbox."""
    ledger: Mapping[str, Any]
    facts: StageFacts
    refused: str | None = None
    """Why the registry will never take it."""


class Outbox:
    """One run's folder; held by this process until `close`."""

    def __init__(self, folder: Path, state: RunState, lock: FileLock) -> None:
        self.folder, self.state, self._lock = folder, state, lock
        self._numbers = folder / "numbers.jsonl"
        self._writing = threading.Lock()

    @classmethod
    def create(cls, root: Path, run_id: str, uri: str) -> "Outbox":
        """Make the outbox of a run that begins."""
        folder = root.joinpath(*FOLDER, run_id)
        folder.mkdir(parents=True)
        outbox = cls(folder, RunState(run_id=run_id, uri=uri), _hold(folder))
        _write(folder / "run.json", RunState, outbox.state)
        return outbox

    def add(self, numbers: Sequence[Number]) -> None:
        """Keep numbers."""
        lines = "".join(json.dumps(number) + "\n" for number in numbers)
        with self._writing, self._numbers.open("a", encoding="utf-8") as file:
            file.write(lines)

    def numbers(self) -> list[Number]:
        """All kept numbers; a line that a kill has cut off counts as never written."""
        if not self._numbers.is_file():
            return []
        lines = self._numbers.read_text(encoding="utf-8").split("\n")[:-1]
        return [(str(name), value, at, step) for name, value, at, step in map(json.loads, lines)]

    def forget_numbers(self) -> None:
        """The store has them all."""
        with self._writing:
            self._numbers.unlink(missing_ok=True)

    def keep(self, model: ModelFinished, ledger: Mapping[str, Any], facts: StageFacts) -> KeptModel:
        """Keep a finished model: its files as hard links, copies where links are impossible."""
        folder = self.folder / "models" / model.name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(
            model.path, folder, copy_function=_link, ignore=shutil.ignore_patterns("checkpoints")
        )
        kept = KeptModel(model=replace(model, path=folder), ledger=ledger, facts=facts)
        _write(folder / "kept.json", KeptModel, kept)
        return kept

    def models(self) -> list[KeptModel]:
        """All kept models; one whose keeping was cut off is left out."""
        found = (_read(path, KeptModel) for path in sorted(self.folder.glob("models/*/kept.json")))
        return [kept for kept in found if kept is not None]

    def refuse(self, kept: KeptModel, why: str) -> None:
        """Remember that the registry will never take a model; its files stay for a person."""
        _write(kept.model.path / "kept.json", KeptModel, replace(kept, refused=why))

    def forget(self, kept: KeptModel) -> None:
        """The registry has the model."""
        shutil.rmtree(kept.model.path)

    def end(self, status: Status, end_time: int) -> None:
        """Keep how the run ended."""
        self.state = replace(self.state, status=status, end_time=end_time)
        _write(self.folder / "run.json", RunState, self.state)

    def close(self, *, delivered: bool) -> None:
        """Let go of the folder, and remove it if all of it is delivered."""
        if delivered and not self.models():
            shutil.rmtree(self.folder)
            Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()


def leftovers(root: Path, uri: str) -> Iterator[Outbox]:
    """Outboxes for the store at `uri` whose processes are gone, each held until it is closed."""
    for path in sorted(root.joinpath(*FOLDER).glob("*/run.json")):
        state = _read(path, RunState)
        if state is None or state.uri != uri:
            continue
        try:
            lock = _hold(path.parent)
        except Timeout:
            continue
        if path.is_file():
            # Read again: its process may have ended it in the meantime.
            yield Outbox(path.parent, _read(path, RunState) or state, lock)
        else:
            lock.release()


def _hold(folder: Path) -> FileLock:
    lock = FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0, thread_local=False)
    lock.acquire()
    return lock


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _write(path: Path, kind: type[Kept], value: Kept) -> None:
    fresh = path.with_name(f".{path.name}")
    fresh.write_bytes(TypeAdapter(kind).dump_json(value))
    os.replace(fresh, path)


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        logger.warning("%s cannot be read and is left alone: %s", path, error)
        return None
