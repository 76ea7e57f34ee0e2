"""Outbox -> MLflow: numbers in the background, models and ends with patience, leftovers later."""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from gptpath.errors import PipelineError
from gptpath.tracking.outbox import KeptModel, Number, Outbox, leftovers
from gptpath.tracking.store import tracking_uri

FLUSH_SECONDS = 5.0
MOST_SECONDS = 30.0
"""Longest time between two tries while the store is away."""
BATCH_METRICS = 1000
"""MLflow's own limit of metrics in one batch."""

INVALID = "INVALID_PARAMETER_VALUE"
"""MLflow's code for what it will never take; all else may pass and is tried again."""

PATIENCE = "GPTPATH_TRACKING_PATIENCE"
"""Environment variable: seconds that the end of a stage waits for a store that is away."""
PATIENCE_SECONDS = 180.0
HURRY_SECONDS = 5.0
"""The same of a stage that was told to stop, whose process is killed after half a minute."""

HTTP_TRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
FEW_TRIES = "2"
"""MLflow's own default of 7 keeps a request for four minutes; here somebody tries again anyway."""

logger = logging.getLogger(__name__)


class NumberSender:
    """Sends a run's numbers every few seconds from a thread of its own.

    A store that is away, or slow, costs a warning and never the training's time.
    """

    def __init__(self, client: MlflowClient, outbox: Outbox) -> None:
        self._client, self._outbox = client, outbox
        self._waiting: list[Number] = []
        self._changing, self._sending = threading.Lock(), threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mlflow-numbers", daemon=True)
        self._thread.start()

    def add(self, numbers: Sequence[Number]) -> None:
        """Take numbers; they are on disk when this returns."""
        with self._changing:
            self._outbox.add(numbers)
            self._waiting += numbers

    def finish(self, patience_seconds: float) -> bool:
        """Send what is left; False if the store would not take it in time."""
        deadline = time.monotonic() + patience_seconds
        self._over.set()
        self._thread.join(patience_seconds)
        return not self._thread.is_alive() and persist(self._flush, deadline)

    def _work(self) -> None:
        wait = FLUSH_SECONDS
        while not self._over.wait(wait):
            wait = FLUSH_SECONDS if self._flush() else min(2 * wait, MOST_SECONDS)

    def _flush(self) -> bool:
        """Send all that waits now; False if the store did not answer."""
        with self._sending:
            due = len(self._waiting)
            while due > 0:
                batch = self._waiting[: min(due, BATCH_METRICS)]
                due -= len(batch)
                if not send_numbers(self._client, self._outbox.state.run_id, batch):
                    return False
                with self._changing:
                    del self._waiting[: len(batch)]
                    if not self._waiting:
                        self._outbox.forget_numbers()
        return True


def send_numbers(client: MlflowClient, run_id: str, batch: Sequence[Number]) -> bool:
    """Log one batch; False if the store is away. What it refuses for good is told and dropped."""
    metrics = [Metric(name, value, at, step) for name, value, at, step in batch]
    try:
        client.log_batch(run_id, metrics=metrics)
    except Exception as error:  # besides MLflow's own, whatever the library of a store may raise
        logger.warning("MLflow did not take %d numbers: %s", len(batch), error)
        return getattr(error, "error_code", None) == INVALID
    return True


def persist(attempt: Callable[[], bool], deadline: float) -> bool:
    """Try until it succeeds or the deadline (of `time.monotonic`) has passed."""
    wait = 1.0
    while not attempt():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(wait, left))
        wait = min(2 * wait, MOST_SECONDS)
    return True


def patience(*, hurry: bool = False) -> float:
    """How long the end of a stage waits for a store that is away, in seconds."""
    if hurry:
        return HURRY_SECONDS
    given = os.environ.get(PATIENCE, "")
    try:
        return float(given) if given else PATIENCE_SECONDS
    except ValueError:
        raise PipelineError(f"{PATIENCE}={given!r} is no number of seconds") from None


def deliver_model(client: MlflowClient, outbox: Outbox, kept: KeptModel) -> bool:
    """Register a kept model once; False if the registry or the store of its files is away.

    What the registry will never take is told and stays in the outbox.
    """
    from gptpath.tracking.registration import register_model

    run_id, name, ended = outbox.state.run_id, kept.model.name, outbox.state.end_time
    try:
        version = register_model(client, run_id, kept.facts, kept.model, kept.ledger, ended=ended)
        client.set_tag(run_id, f"gptpath.model.{name}", version)
    except Exception as error:
        if isinstance(error, PipelineError) or getattr(error, "error_code", None) == INVALID:
            logger.error("the registry refuses model %s: %s", name, error)
            outbox.refuse(kept, str(error))
            return True
        logger.warning("model %s is not registered yet: %s", name, error)
        return False
    outbox.forget(kept)
    return True


def deliver_end(client: MlflowClient, outbox: Outbox) -> bool:
    """Tell the store how the run ended; one whose process is gone without a word was killed."""
    state = outbox.state
    try:
        # Whatever the store says by now: registering a model opens the run again and ends it.
        client.set_terminated(state.run_id, state.status or "KILLED", state.end_time)
    except Exception as error:
        logger.warning("MLflow run %s could not be closed: %s", state.run_id, error)
        return getattr(error, "error_code", None) == INVALID  # somebody has deleted the run
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What became of the things that earlier processes had left."""

    delivered: int
    """Runs of which MLflow has everything now."""
    left: tuple[Path, ...]
    """Outboxes that still hold something."""


def deliver_leftovers(client: MlflowClient, root: Path, *, refused: bool = False) -> Delivery:
    """Send what earlier processes have left, each thing tried once: other work waits for this.

    `refused` also offers again what the registry has refused.
    """
    delivered, left = 0, list[Path]()
    with few_tries():
        for outbox in leftovers(root, tracking_uri(root)):
            outbox.close(delivered=_deliver(client, outbox, refused=refused))
            if outbox.folder.is_dir():
                left.append(outbox.folder)
            else:
                delivered += 1
                logger.info("MLflow has now what run %s had left", outbox.state.run_id)
    return Delivery(delivered=delivered, left=tuple(left))


def _deliver(client: MlflowClient, outbox: Outbox, *, refused: bool) -> bool:
    numbers = outbox.numbers()
    batches = [numbers[at : at + BATCH_METRICS] for at in range(0, len(numbers), BATCH_METRICS)]
    # What the store has already is not written twice: it knows a number by all of its fields.
    if not all(send_numbers(client, outbox.state.run_id, batch) for batch in batches):
        return False
    outbox.forget_numbers()
    models = [kept for kept in outbox.models() if refused or kept.refused is None]
    return all(deliver_model(client, outbox, kept) for kept in models) and deliver_end(
        client, outbox
    )


@contextmanager
def few_tries() -> Generator[None, None, None]:
    """Let MLflow give up on a request after seconds, unless the environment says otherwise."""
    if HTTP_TRIES in os.environ:
        yield
        return
    os.environ[HTTP_TRIES] = FEW_TRIES
    try:
        yield
    finally:
        os.environ.pop(HTTP_TRIES, None)
