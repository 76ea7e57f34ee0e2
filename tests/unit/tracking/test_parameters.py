from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.errors import PipelineError
from gptpath.tracking.parameters import stage_parameters

PARAMS = load_params(Path(__file__).parents[3] / "profiles" / "laptop.yaml")


def test_only_the_named_parts_are_taken_and_flattened() -> None:
    found = stage_parameters(PARAMS, ["seed", "contamination"])
    assert found == {
        "seed": str(PARAMS.seed),
        "contamination.ngram_words": str(PARAMS.contamination.ngram_words),
    }


def test_a_model_brings_its_resolved_shape_and_recipe() -> None:
    found = stage_parameters(PARAMS, ["models.gpt2-laptop-s"])
    assert found["model.n_layer"] == str(PARAMS.model_config("gpt2-laptop-s").n_layer)
    assert found["recipe.steps"] == str(PARAMS.recipe("gpt2-laptop-s").steps)


def test_a_name_that_params_yaml_lacks_is_refused() -> None:
    with pytest.raises(PipelineError, match="zeroshot.tea"):
        stage_parameters(PARAMS, ["zeroshot.tea"])
