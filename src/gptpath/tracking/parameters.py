"""The part of params.yaml that a stage depends on, as flat name -> text pairs."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from gptpath.config.params import Params
from gptpath.errors import PipelineError


def stage_parameters(params: Params, names: Iterable[str]) -> dict[str, str]:
    """Flatten the named parts of the parameters, defaults included.

    A named model (`models.NAME`) also brings its resolved shape and recipe: `model.n_layer`, ...
    """
    values = asdict(params)
    flat: dict[str, str] = {}
    for name in names:
        place: Any = values
        for part in name.split("."):
            if not isinstance(place, Mapping) or part not in place:
                raise PipelineError(f"dvc.yaml names a parameter {name!r} that params.yaml lacks")
            place = place[part]
        flat |= _flatten(name, place)
        section, _, model = name.partition(".")
        if section == "models" and model:
            flat |= _flatten("model", asdict(params.model_config(model)))
            flat |= _flatten("recipe", asdict(params.recipe(model)))
    return flat


def _flatten(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {name: str(list(value) if isinstance(value, tuple) else value)}
    flat: dict[str, str] = {}
    for key, part in value.items():
        flat |= _flatten(f"{name}.{key}", part)
    return flat
