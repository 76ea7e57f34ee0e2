"""A checkout with a store of its own: what tests register models in, gate them and collect them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML

from gptpath.events import ModelFinished
from gptpath.stages.gating import gate_models
from gptpath.tracking.decisions import Origin
from gptpath.tracking.lineage import StageInput
from gptpath.tracking.mlflow_run import open_run
from gptpath.tracking.recorder import StageFacts
from gptpath.tracking.revision import Revision

MARKS = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "default::DeprecationWarning",
        "default::FutureWarning",
        "default::ResourceWarning",
        "default::UserWarning:mlflow",
    ),
]
"""Of all tests here: MLflow's first use takes seconds, and its libraries warn."""

ORIGIN = Origin(profile="laptop")
LAPTOP = Path(__file__).parents[2] / "params.yaml"


def make_checkout(
    root: Path, monkeypatch: pytest.MonkeyPatch, sections: Mapping[str, Mapping[str, Any]]
) -> None:
    """Go into an empty checkout with the laptop's parameters, some sections changed."""
    for name in ("MLFLOW_TRACKING_URI", "GPTPATH_TRACKING", "GPTPATH_PARENT_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(root)
    torch.set_num_threads(1)
    yaml = YAML()
    params = yaml.load(LAPTOP.read_text())
    for name, values in sections.items():
        params.setdefault(name, {}).update(values)
    yaml.dump(params, root / "params.yaml")
    (root / "dvc.yaml").write_text("stages: {}\n")


def register(
    root: Path, model: ModelFinished, *, stage: str, inputs: Sequence[StageInput] = ()
) -> None:
    """Record a run of the stage that ends with this model."""
    facts = StageFacts(
        stage=stage,
        item=model.name,
        profile="laptop",
        revision=Revision(commit="c" * 40, dirty=False),
        parameters={},
        inputs=tuple(inputs),
        outs=(),
    )
    run = open_run(root, facts, parent=None, flow_run=None)
    run.register(model, {})
    run.finish("FINISHED", {})


def verdict(root: Path, model: str) -> tuple[str, str]:
    """The gate's verdict on a model of the checkout, and its reasons."""
    [decision] = gate_models(root, [model], ORIGIN)
    return decision.verdict, "; ".join(decision.reasons)
