"""Where numbers and models are kept: MLflow's database and artifact folder of a checkout.

Without settings both lie in the checkout, at absolute addresses, so that the flow, its stage
processes and `mlflow ui` see one store whatever their working directory.
`MLFLOW_TRACKING_URI` moves everything to a server. See docs/adr/0002.
"""

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from filelock import FileLock

from gptpath.errors import PipelineError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


ENVIRONMENT = "MLFLOW_TRACKING_URI"
"""MLflow's own variable for the address of its store."""
_DEFAULTS = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Else files bypass an MLflow server, to and from an S3 server that it may be alone to reach.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
}
"""What is set for MLflow unless the environment has it otherwise."""


def tracking_is_on() -> bool:
    """Whether runs are recorded; `GPTPATH_TRACKING=off` switches it off."""
    return os.environ.get("GPTPATH_TRACKING", "").lower() != "off"


def tracking_uri(root: Path) -> str:
    """Address of the MLflow store: MLFLOW_TRACKING_URI, or a database in the checkout."""
    return os.environ.get(ENVIRONMENT) or f"sqlite:///{root.resolve() / 'mlflow.db'}"


def store_is_local(root: Path) -> bool:
    """Whether the store is a SQLite file, not a server's."""
    return tracking_uri(root).startswith("sqlite")


def open_client(root: Path) -> "MlflowClient":
    """Connect to the store, creating the checkout's own database on first use.

    Raises PipelineError when the store cannot be reached, with the way to run without it.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    uri = tracking_uri(root)
    import mlflow
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        with _first_use(root):
            client = MlflowClient(uri)
            client.search_experiments(max_results=1)
    except Exception as error:
        raise PipelineError(
            f"MLflow at {uri} does not answer: {error}; "
            "check MLFLOW_TRACKING_URI, or run without records: GPTPATH_TRACKING=off"
        ) from error
    _set_default_uri(mlflow, uri)
    return client


def _set_default_uri(mlflow: ModuleType, uri: str) -> None:
    """Make `uri` the default of MLflow's plain functions, in this process alone.

    MLflow also writes the environment, which would pass for the user's own setting.
    """
    before = os.environ.get(ENVIRONMENT)
    mlflow.set_tracking_uri(uri)
    if before is None:
        os.environ.pop(ENVIRONMENT, None)


def experiment_id(client: "MlflowClient", root: Path, profile: str) -> str:
    """Return the id of the experiment `gptpath/<profile>`, created on first use."""
    name = f"gptpath/{profile}"
    with _first_use(root):
        found = client.get_experiment_by_name(name)
        if found is not None:
            return found.experiment_id
        own = not os.environ.get(ENVIRONMENT)
        location = (root.resolve() / "mlartifacts").as_uri() if own else None
        try:
            return client.create_experiment(name, artifact_location=location)
        except Exception as error:
            # On a server another machine may have been quicker.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise PipelineError(f"MLflow makes no experiment {name}: {error}") from error
            return found.experiment_id


@contextmanager
def _first_use(root: Path) -> Generator[None, None, None]:
    """Let one process at a time set a local store up: MLflow's migrations do not bear company."""
    if tracking_uri(root).startswith("http"):  # a server's is set up, and may be slow to answer
        yield
        return
    lock = root / ".scratch" / "mlflow.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock, timeout=120):
        yield
