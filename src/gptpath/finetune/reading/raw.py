"""One row of a labelled file as it stands there, and why a row cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHOWN_CHARACTERS = 300
"""Most of a row that a message or a sample shows."""

REASONS = {
    "wrong_number_of_columns": "more or fewer fields than the header names",
    "malformed_quotes": "a double quote inside a field, or one that is never closed",
    "not_json": "the line is no JSON object",
    "wrong_encoding": "bytes that are not of the stated encoding",
    "missing_column": "the row has no such field",
    "empty_text": "a text is empty or blank",
    "not_text": "a number, list or object stands where a text should",
    "missing_label": "the label is empty",
    "unlabelled": "marked as having no gold label: - or -1",
    "unknown_label": "the label is none of those named",
    "label_not_a_number": "a score is no finite number",
    "score_out_of_range": "a score lies outside the range",
    "too_few_choices": "fewer than two answers",
}
"""Why rows are set aside: the keys of `set_aside` in metrics/finetune/TASK.json."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Raw:
    """A row of a file; one that could not be taken apart has a `problem` and no values."""

    file: str
    number: int
    """The line where the row begins, or the row of a file without lines; counted from 1."""
    unit: str = "line"
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: "RowError | None" = None
    text: str = ""
    """The row as it stands where it could not be taken apart."""

    @property
    def id(self) -> str:
        """`FILE:NUMBER`, unique within a split."""
        return f"{self.file}:{self.number}"

    def shown(self) -> str:
        """File, row number and content, for messages."""
        content = self.text or repr(dict(self.values))
        content = content.encode(errors="backslashreplace").decode()  # bytes of no encoding
        if len(content) > SHOWN_CHARACTERS:
            content = content[:SHOWN_CHARACTERS] + "..."
        return f"{self.file}, {self.unit} {self.number}: {content}"


class RowError(Exception):
    """A row cannot be used; `reason` is a key of REASONS, the message says more."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
