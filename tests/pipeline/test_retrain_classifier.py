"""The flow `retrain` gates what fine-tuning makes: a first champion, then one that is no better."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from tests.pipeline.tiny_checkout import MODEL, STAGES, change_params, make_checkout, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]

CLASSIFIER = f"{MODEL}-wording"
NAME = f"gptpath-{CLASSIFIER}"


def little_finetuning(params: Any) -> None:
    params["finetune"].update(seeds=[0], epochs=1, variants=["full"])
    params["gate"]["models"] = [CLASSIFIER]


def retrain(root: Path) -> subprocess.CompletedProcess[str]:
    return run(root, sys.executable, "flows/retrain.py", check=False)


def test_a_classifier_is_promoted_first_and_refused_when_it_has_gained_nothing(
    tmp_path: Path,
) -> None:
    root = make_checkout(tmp_path / "checkout", stages=(*STAGES, "finetune"))
    for name in ("benchmarks", "labelled"):
        (root / "data" / name).mkdir()
        (root / "data" / name / "README.md").write_text("Nothing yet.\n")
    change_params(root, little_finetuning)
    first = retrain(root)
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"models:/{NAME}/1 is the champion now: first champion" in first.stdout
    change_params(root, lambda params: params["finetune"].update(learning_rate=0.0))
    second = retrain(root)
    assert second.returncode == 0, second.stdout + second.stderr
    assert f"models:/{NAME}/2 is refused: " in second.stdout
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    assert str(client.get_registered_model(NAME).aliases["champion"]) == "1"
    tags = client.get_model_version(NAME, "2").tags
    assert tags["gptpath.gate.decision"] == "refuse"
    assert float(tags["gptpath.gate.items"]) >= 10
    assert "gptpath.gate.difference_accuracy" in tags
