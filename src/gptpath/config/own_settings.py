"""Which settings of a published model are this run's own: those that differ from its profile's."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gptpath.config.loading import load_params
from gptpath.config.params import Params
from gptpath.config.stand_ins import Setting, is_published, parameter_of, settings_of

CHANGED = "changed here; the profile has "
"""What stands beside such a setting, after its source if it had one."""


def published_recipes(root: Path, params: Params) -> dict[str, Sequence[Setting]]:
    """Shape and recipe of each model that the papers describe.

    Where the checkout has the profile that params.yaml names, changes of it are told as such.
    """
    path = root / "profiles" / f"{params.profile}.yaml"
    names = [name for name in params.matrix.models if is_published(params, name)]
    ready = load_params(path) if names and path.is_file() else None
    return {name: _marked(settings_of(params, name), ready, name) for name in names}


def changed_parameters(root: Path, params: Params, model: str | None) -> dict[str, str]:
    """What the profile has instead, by parameter as in `marks_of`; of a published model alone."""
    if model not in params.models:
        return {}
    return {
        parameter_of(setting.name): setting.stand_in
        for setting in published_recipes(root, params).get(model, ())
        if setting.stand_in is not None and CHANGED in setting.stand_in
    }


def _marked(settings: Sequence[Setting], ready: Params | None, model: str) -> list[Setting]:
    if ready is None or model not in ready.models or not is_published(ready, model):
        return list(settings)
    given = {setting.name: setting.value for setting in settings_of(ready, model)}
    return [
        replace(one, stand_in=_joined(one.stand_in, f"{CHANGED}{given[one.name]}"))
        if given.get(one.name, one.value) != one.value
        else one
        for one in settings
    ]


def _joined(source: str | None, change: str) -> str:
    return change if source is None else f"{source}; {change}"
