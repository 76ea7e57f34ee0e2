"""The whole of params.yaml and the checks across its sections."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from gptpath.config.data_sets import DataSets
from gptpath.config.finetune import Finetune
from gptpath.config.gate import Gate
from gptpath.config.ingest import Ingest
from gptpath.config.launch import Launch
from gptpath.config.model import ModelConfig
from gptpath.config.presets import preset
from gptpath.config.retention import Retention
from gptpath.config.sections import (
    FORBID_UNKNOWN,
    Compute,
    Contamination,
    Encode,
    Matrix,
    ModelEntry,
    Parallel,
    Recipe,
    Scaling,
    Tokenizer,
    require,
)
from gptpath.config.stand_ins import check_stand_ins
from gptpath.config.types import fits
from gptpath.config.zeroshot import Zeroshot
from gptpath.errors import ConfigError

T = TypeVar("T", ModelConfig, Recipe)


@dataclass(frozen=True, kw_only=True, slots=True)
class Params:
    """The whole of params.yaml."""

    profile: str
    seed: int
    compute: Compute
    parallel: Parallel = field(default_factory=Parallel)
    launch: Launch = field(default_factory=Launch)
    matrix: Matrix
    ingest: Ingest
    tokenizer: Tokenizer
    encode: Encode
    pretrain: Recipe
    models: dict[str, ModelEntry]
    stand_ins: dict[str, str]
    """Settings that OpenAI did not publish, each with the source of the value in its place."""
    finetune: Finetune
    data_sets: DataSets = field(default_factory=DataSets)
    zeroshot: Zeroshot
    contamination: Contamination
    scaling: Scaling
    gate: Gate = field(default_factory=Gate)
    retention: Retention = field(default_factory=Retention)
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**32, f"seed={self.seed} must lie between 0 and 2**32 - 1")
        classifiers = {f"{self.finetune.pretrained}-{task}" for task in self.matrix.finetune_tasks}
        used = {
            "matrix.models": self.matrix.models,
            "finetune.pretrained": (self.finetune.pretrained,),
            "finetune.lstm": (self.finetune.lstm,),
            "scaling.models": self.scaling.models,
            "gate.models": tuple(name for name in self.gate.models if name not in classifiers),
        }
        for where, names in used.items():
            for name in names:
                require(
                    name in self.models, f"{where} names {name!r}; known: {', '.join(self.models)}"
                )
                require(
                    name in self.matrix.models, f"{where} names {name!r}, absent in matrix.models"
                )
        check_stand_ins(self.stand_ins, self.models)
        for name in self.models:
            self.model_config(name)
            self.recipe(name)
        require(
            self.model_config(self.finetune.lstm).family == "lstm"
            and self.model_config(self.finetune.pretrained).family == "transformer",
            "finetune.pretrained must be a Transformer and finetune.lstm an LSTM",
        )
        layers = self.model_config(self.finetune.pretrained).n_layer
        require(
            all(k <= layers for k in self.finetune.transfer_layers),
            f"finetune.transfer_layers={list(self.finetune.transfer_layers)}, but "
            f"{self.finetune.pretrained} has {layers} blocks",
        )
        self.data_sets.check_tasks(self.matrix.finetune_tasks)

    def model_config(self, name: str) -> ModelConfig:
        """Shape of model `name`: its preset, the tokenizer's vocabulary, its own changes."""
        entry = self.models[name]
        changes = {"vocab_size": self.tokenizer.vocab_size} | entry.shape
        config = _replace(preset(entry.preset), changes, f"models.{name}.shape")
        require(
            config.vocab_size == self.tokenizer.vocab_size,
            f"models.{name}.shape.vocab_size={config.vocab_size}, but the tokenizer's is "
            f"{self.tokenizer.vocab_size}; leave it out, the model takes the tokenizer's",
        )
        return config

    def recipe(self, name: str) -> Recipe:
        """Training recipe of model `name`: `pretrain` with its own changes."""
        return _replace(self.pretrain, self.models[name].recipe, f"models.{name}.recipe")


def _replace(base: T, changes: dict[str, Any], where: str) -> T:
    known = {f.name: f.type for f in fields(base)}
    for key, value in changes.items():
        require(key in known, f"{where} has unknown key {key!r}; known: {', '.join(sorted(known))}")
        kind = str(known[key]).replace("typing.", "")
        require(fits(value, known[key]), f"{where}.{key}={value!r}; expected {kind}")
    try:
        return replace(base, **changes)
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"{where}: {error}") from error
