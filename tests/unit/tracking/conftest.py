from collections.abc import Mapping
from pathlib import Path

import pytest

from gptpath.tracking.lineage import StageInput
from gptpath.tracking.recorder import StageFacts
from gptpath.tracking.revision import Revision

PARAMETERS: Mapping[str, str] = {"seed": "1", "pretrain.steps": "3"}


@pytest.fixture(scope="session")
def store_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store: MLflow's migrations take seconds, so they run once."""
    from gptpath.tracking.store import open_client

    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        open_client(root)
    return root / "mlflow.db"


@pytest.fixture
def root(tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose store is there and empty."""
    for name in ("MLFLOW_TRACKING_URI", "GPTPATH_TRACKING", "GPTPATH_PARENT_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mlflow.db").write_bytes(store_template.read_bytes())
    return tmp_path


@pytest.fixture
def facts() -> StageFacts:
    return StageFacts(
        stage="pretrain",
        item="tiny",
        profile="laptop",
        revision=Revision(commit="c" * 40, dirty=True),
        parameters=PARAMETERS,
        inputs=(StageInput(path="data/tokens", md5="abc.dir", producer="encode"),),
        outs=(),
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage waits a moment, not minutes, for a store that is away."""
    monkeypatch.setenv("GPTPATH_TRACKING_PATIENCE", "0.1")
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
