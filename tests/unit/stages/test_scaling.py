import json
from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.errors import PipelineError
from gptpath.events import ignore
from gptpath.stages import scaling
from gptpath.stages.context import StageContext

PROFILE = Path(__file__).parents[3] / "profiles" / "laptop.yaml"
SIZES = {"gpt2-laptop-s": 1e5, "gpt2-laptop-m": 5e5, "gpt2-laptop-l": 1e6}


@pytest.fixture
def params():
    return load_params(PROFILE)


@pytest.fixture
def checkout(tmp_path, params):
    for model in params.matrix.models:
        size = int(SIZES.get(model, 4e5))
        loss = 20 * size**-0.1
        trained = {
            "family": "lstm" if "lstm" in model else "transformer",
            "parameters": size,
            "non_embedding_parameters": size // 2,
            "tokens": 1000,
            "flops": 1e9,
            "final": {"loss": loss, "bpb": loss / 2},
        }
        score = {"task": "cloze", "metric": "accuracy", "value": 0.3, "low": 0.2, "high": 0.4}
        write(tmp_path / f"metrics/pretrain/{model}.json", trained)
        write(
            tmp_path / f"metrics/zeroshot/{model}/results.json",
            {"checkpoints": [{"scores": [score]}]},
        )
    return tmp_path


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def run(checkout, params):
    return scaling.run(StageContext(root=checkout, params=params, item=None, emit=ignore))


def test_all_models_are_listed_and_the_sizes_fitted(checkout, params):
    outcome = run(checkout, params)
    found = json.loads((checkout / "metrics" / "scaling.json").read_text())
    assert [m["name"] for m in found["models"]] == list(params.matrix.models)
    assert {m["family"] for m in found["models"]} == {"transformer", "lstm"}
    assert found["fitted"] == list(params.scaling.models)
    assert found["loss_fit"]["exponent"] == pytest.approx(0.1)
    assert found["prediction"]["relative_error"] == pytest.approx(0, abs=1e-9)
    assert found["score_fits"]["cloze/accuracy"]["slope"] == pytest.approx(0)
    assert outcome.metrics["scaling/loss_fit/exponent"] == pytest.approx(0.1)


def test_a_model_without_metrics_is_named_with_its_stage(checkout, params):
    (checkout / "metrics/zeroshot/lstm-laptop/results.json").unlink()
    with pytest.raises(PipelineError, match="gptpath zeroshot lstm-laptop"):
        run(checkout, params)
