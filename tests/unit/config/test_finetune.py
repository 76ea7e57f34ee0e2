from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.finetune import Finetune
from gptpath.config.loading import load_params
from gptpath.errors import ConfigError

PROFILE = Path(__file__).parents[3] / "profiles" / "finetune-suite.yaml"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variants": ("full", "half")}, r"unknown finetune.variants \['half'\]"),
        ({"seeds": ()}, "at least one seed"),
        ({"transfer_layers": (0, -1)}, "must be different whole numbers"),
        ({"transfer_layers": (1, 1)}, "must be different whole numbers"),
        ({"warmup_fraction": 1.0}, "warmup_fraction=1.0 must be at least 0 and less than 1"),
        ({"bucket_batches": 0}, "finetune.bucket_batches=0 must be at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        Finetune(pretrained="gpt1-laptop", lstm="lstm-laptop", **changes)


def test_no_more_layers_are_transferred_than_there_are():
    params = load_params(PROFILE)
    layers = params.model_config(params.finetune.pretrained).n_layer
    every = replace(params.finetune, transfer_layers=tuple(range(layers + 1)))
    assert len(replace(params, finetune=every).finetune.transfer_layers) == layers + 1
    too_many = replace(params.finetune, transfer_layers=(layers + 1,))
    with pytest.raises(ConfigError, match=f"gpt1-suite has {layers} blocks"):
        replace(params, finetune=too_many)
