"""Shapes and recipes of published models, with what is not OpenAI's marked value by value."""

from typing import Any

from gptpath.config.own_settings import CHANGED
from gptpath.config.stand_ins import NOT_OPENAIS
from gptpath.report import numbers
from gptpath.report.results import Results
from gptpath.report.tables import Cell, Table


def statements(results: Results) -> list[str]:
    """How much of each published model's recipe had to be filled in."""
    if not results.recipes:
        return [
            "No model of this profile is one of the papers': sizes and recipes are its own, and "
            f"{NOT_OPENAIS}."
        ]
    told: list[str] = []
    for model, settings in results.recipes.items():
        marks = [setting.stand_in for setting in settings if setting.stand_in is not None]
        changed = sum(CHANGED in mark for mark in marks)
        filled = sum(not mark.startswith(CHANGED) for mark in marks)
        told.append(
            f"{model}: {filled} of {len(settings)} settings were not published; the "
            f"stand-ins in their place are marked as {NOT_OPENAIS}."
            + (f" Of all settings params.yaml has changed {changed}." if changed else "")
        )
    return told


def recipe_tables(results: Results) -> list[Table]:
    """A table a model: every setting, its value, and whose it is."""
    return [
        Table(
            caption=f"Shape and recipe of {model}",
            columns=("setting", "value", "whose"),
            rows=tuple(
                (
                    setting.name,
                    _written(setting.value),
                    "as published"
                    if setting.stand_in is None
                    else Cell(text=NOT_OPENAIS, small=setting.stand_in, strong=True),
                )
                for setting in settings
            ),
            note="Published: in the papers, in OpenAI's code, or in the files of its weights.",
            words=("whose",),
        )
        for model, settings in results.recipes.items()
    ]


def _written(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return numbers.count(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
