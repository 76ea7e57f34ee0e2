"""Whose a setting is: OpenAI's as published, or a stand-in for what was not published.

`stand_ins` of params.yaml names the settings of a published model that the papers and OpenAI's
code leave open, each with the source of the value that fills it: `pretrain.learning_rate`, or
`models.NAME.dropout` for a field of one model's shape or recipe. It changes no result; the report
and the model card show it beside the values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from gptpath.config.model import ModelConfig
from gptpath.config.sections import Recipe, require

if TYPE_CHECKING:
    from gptpath.config.params import Params

PUBLISHED_PRESETS = ("gpt1_117m", "lstm_2048", "gpt2_124m", "gpt2_355m", "gpt2_774m", "gpt2_1558m")
"""Presets of models that the papers describe."""

NOT_OPENAIS = "not OpenAI's"

_SHAPE = tuple(field.name for field in fields(ModelConfig))
_RECIPE = tuple(field.name for field in fields(Recipe))
_TRAINING = _RECIPE[: _RECIPE.index("log_every_steps")]
"""Fields of a recipe that decide what is learned, and not how it is watched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One value of a model's shape or recipe."""

    name: str
    value: Any
    stand_in: str | None
    """Where the value comes from if it is not OpenAI's."""


def check_stand_ins(stand_ins: Mapping[str, str], models: Mapping[str, Any]) -> None:
    """Raise ConfigError for a key that names no field, or a source that says nothing."""
    for key, source in stand_ins.items():
        section, _, field = key.rpartition(".")
        model = section.removeprefix("models.")
        if section == "pretrain":
            known = _RECIPE
        elif section.startswith("models."):
            require(model in models, f"stand_ins: {key}: no model {model!r} in models")
            known = (*_SHAPE, *_RECIPE)
        else:
            known = ()
        require(
            field in known,
            f"stand_ins: unknown setting {key!r}; expected pretrain.FIELD or models.NAME.FIELD, "
            f"FIELD being one of {', '.join((*_SHAPE, *_RECIPE))}",
        )
        require(bool(source.strip()), f"stand_ins: {key} names no source")


def settings_of(params: "Params", model: str) -> list[Setting]:
    """Shape and recipe of a model, each value with its stand-in if it has one."""
    shape, recipe = params.model_config(model), params.recipe(model)
    marks = marks_of(params, model)
    lstm = shape.family == "lstm"
    idle = {"family", *(("norm", "n_head", "position_init_std") if lstm else ("n_hidden",))}
    idle |= {"scale_residual_init", "layer_norm_eps"} if lstm else set()
    idle |= {"micro_batch_size_sequences", "recompute_activations"}
    return [
        Setting(name=name, value=getattr(values, name), stand_in=marks.get(f"{prefix}.{name}"))
        for prefix, values, names in (("model", shape, _SHAPE), ("recipe", recipe, _TRAINING))
        for name in names
        if name not in idle
    ]


def is_published(params: "Params", model: str) -> bool:
    """Whether a model has the shape of one that the papers describe."""
    entry = params.models[model]
    return entry.preset in PUBLISHED_PRESETS and not entry.shape


def parameter_of(field: str) -> str:
    """Name among a stage's parameters of a field of its model's shape or recipe."""
    return f"{'model' if field in _SHAPE else 'recipe'}.{field}"


def marks_of(params: "Params", model: str | None) -> dict[str, str]:
    """Sources of stand-ins by parameter: `pretrain.F`; `model.F` and `recipe.F` of the model."""
    marks = {key: text for key, text in params.stand_ins.items() if key.startswith("pretrain.")}
    if model not in params.models:
        return marks
    changed = params.models[model].recipe
    for key, text in params.stand_ins.items():
        section, _, field = key.rpartition(".")
        if section == f"models.{model}":
            marks[parameter_of(field)] = text
        elif section == "pretrain" and field not in changed:
            marks.setdefault(f"recipe.{field}", text)
    return marks
