import json

import pytest

from gptpath.errors import PipelineError
from gptpath.scaling.points import read_point


def pretrain_metrics(parameters=1000, loss=3.0):
    return {
        "model": "m",
        "family": "transformer",
        "parameters": parameters,
        "non_embedding_parameters": parameters // 2,
        "tokens": 10_000,
        "flops": 6e7,
        "final": {"loss": loss, "bpb": 1.5, "perplexity": 20.0, "tokens": 500},
    }


def zeroshot_results(value=20.0, low=18.04, high=21.96):
    score = {"task": "heldout", "metric": "perplexity", "value": value, "low": low, "high": high}
    early = {"step": 0, "scores": [score | {"value": 99.0}]}
    return {"checkpoints": [early, {"step": 5, "scores": [score]}]}


@pytest.fixture
def metrics(tmp_path):
    (tmp_path / "pretrain").mkdir()
    (tmp_path / "zeroshot" / "m").mkdir(parents=True)
    (tmp_path / "pretrain" / "m.json").write_text(json.dumps(pretrain_metrics()))
    (tmp_path / "zeroshot" / "m" / "results.json").write_text(json.dumps(zeroshot_results()))
    return tmp_path


def test_a_point_joins_training_and_the_final_checkpoints_scores(metrics):
    point = read_point(metrics, "m")
    assert (point.name, point.parameters, point.loss, point.bpb) == ("m", 1000, 3.0, 1.5)
    assert point.scores["heldout/perplexity"].value == 20.0
    assert point.scores["heldout/perplexity"].error == pytest.approx(1.0, abs=0.001)
    assert point.loss_error == pytest.approx(0.05, abs=0.001)


def test_without_the_heldout_task_the_error_of_the_loss_is_unknown(metrics):
    results = zeroshot_results()
    results["checkpoints"][-1]["scores"] = []
    (metrics / "zeroshot" / "m" / "results.json").write_text(json.dumps(results))
    assert read_point(metrics, "m").loss_error is None


def test_missing_metrics_name_the_stage_to_run(tmp_path):
    with pytest.raises(PipelineError, match="run `gptpath pretrain m`"):
        read_point(tmp_path, "m")


@pytest.mark.parametrize("text", ["{", "{}", '{"checkpoints": []}'])
def test_damaged_metrics_are_refused(metrics, text):
    (metrics / "zeroshot" / "m" / "results.json").write_text(text)
    with pytest.raises(PipelineError, match="zeroshot m"):
        read_point(metrics, "m")
