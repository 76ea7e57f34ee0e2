"""The fields of a raw row -> the columns of its kind, checked one by one."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gptpath.config.data_sets import TEXTS, DataKind
from gptpath.finetune.reading.opening import is_encoded
from gptpath.finetune.reading.raw import RowError

Field = str | tuple[str, ...]
"""The name of a field, or of several in their order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """Which fields hold the texts and the label, and what the label's values mean."""

    kind: DataKind
    texts: Mapping[str, Field]
    """Our column -> the file's; several are joined by a blank, or are one answer each."""
    label: str = "label"
    classes: Mapping[str, int] = field(default_factory=dict)
    """Value of the label -> index; empty for regression, and for answers counted from 0."""
    score_range: tuple[float, float] | None = None
    unlabelled: frozenset[str] = frozenset()
    """Values that stand for "no gold label"."""

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of one row. Texts lose the blanks around them.

        Raises:
            RowError: with its reason.
        """
        row: dict[str, Any] = {}
        for column in TEXTS[self.kind]:
            source = self.texts[column]
            row[column] = _choices(values, source) if column == "choices" else _text(values, source)
        if "question" in self.texts:
            row["question"] = _text(values, self.texts["question"])
        row["label"] = self._label(values, len(row.get("choices", ())))
        return row

    def _label(self, values: Mapping[str, Any], n_choices: int) -> int | float:
        value = _field(values, self.label)
        if value is None or value != value or (isinstance(value, str) and not value.strip()):
            raise RowError("missing_label", f"no label in column {self.label!r}")
        name = _name(value)
        if name in self.unlabelled:
            raise RowError("unlabelled", f"label {name!r}: no gold label")
        if self.kind == "regression":
            return self._score(value)
        if self.kind == "multiple-choice":
            return self._answer(name, n_choices)
        if name not in self.classes:
            raise RowError("unknown_label", self._unknown(name, list(self.classes)))
        return self.classes[name]

    def _answer(self, name: str, n_choices: int) -> int:
        numbers = {str(i): i for i in range(n_choices)}
        known = self.classes or numbers
        index = known.get(name, n_choices)
        if index >= n_choices:
            offered = [label for label, i in known.items() if i < n_choices]
            raise RowError("unknown_label", self._unknown(name, offered))
        return index

    def _unknown(self, name: str, known: Sequence[str]) -> str:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return (
            f"unknown label {name!r} in column {self.label!r}; expected one of "
            f"{', '.join(map(repr, known))}{hint}"
        )

    def _score(self, value: Any) -> float:
        try:
            score = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            score = math.nan
        if not math.isfinite(score):
            raise RowError(
                "label_not_a_number", f"{value!r} in column {self.label!r} is no finite number"
            )
        low, high = self.score_range or (-math.inf, math.inf)
        if not low <= score <= high:
            raise RowError("score_out_of_range", f"score {score} lies outside {low} to {high}")
        return score


def _name(value: Any) -> str:
    """A label's value as text: `1` for 1 and for a 1.0 that a table made of it, `true` for True."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _field(values: Mapping[str, Any], name: str) -> Any:
    if name not in values:
        near = difflib.get_close_matches(name, map(str, values), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise RowError(
            "missing_column",
            f"no column {name!r}; there are {', '.join(map(repr, values))}{hint}",
        )
    return values[name]


def _text(values: Mapping[str, Any], source: Field) -> str:
    if isinstance(source, str):
        return _checked(_field(values, source), source)
    return " ".join(_checked(_field(values, name), name) for name in source)


def _choices(values: Mapping[str, Any], source: Field) -> list[str]:
    """Answers of one list, or of one field each, where the last ones may be empty."""
    if isinstance(source, str):
        answers = _field(values, source)
        if isinstance(answers, str) or not isinstance(answers, Sequence):
            raise RowError("not_text", f"column {source!r} must hold a list of answers")
        named = [(answer, source) for answer in answers]
    else:
        named = [(_field(values, name), name) for name in source]
        while named and (named[-1][0] is None or str(named[-1][0]).strip() == ""):
            named.pop()
    choices = [_checked(answer, name) for answer, name in named]
    if len(choices) < 2:
        raise RowError("too_few_choices", f"{len(choices)} answers where two are needed")
    return choices


def _checked(value: Any, name: str) -> str:
    if value is None:
        raise RowError("empty_text", f"no text in column {name!r}")
    if not isinstance(value, str):
        raise RowError("not_text", f"{type(value).__name__} in column {name!r}, expected text")
    text = value.strip()
    if not text:
        raise RowError("empty_text", f"empty text in column {name!r}")
    if not is_encoded(text):
        raise RowError("wrong_encoding", f"column {name!r} holds half a character pair")
    return text
