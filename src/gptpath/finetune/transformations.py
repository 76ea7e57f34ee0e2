"""GPT-1's input transformations: labelled rows -> token sequences (GPT-1 sec. 3.3, Fig. 1).

| kind            | sequences of one example                                             |
|-----------------|----------------------------------------------------------------------|
| classification  | start text extract                                                   |
| entailment      | start premise delimiter hypothesis extract                           |
| similarity      | start a delimiter b extract, and the same with a and b exchanged     |
| regression      | as similarity                                                        |
| multiple-choice | per answer: start context question delimiter answer extract          |
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from gptpath.errors import CorpusError
from gptpath.model.heads import DELIMITER, EXTRACT, START, TaskKind
from gptpath.tokens.encoding import Encoding

_COLUMNS: dict[TaskKind, tuple[str, str]] = {
    "entailment": ("premise", "hypothesis"),
    "similarity": ("text_a", "text_b"),
    "regression": ("text_a", "text_b"),
    "multiple-choice": ("context", "choices"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One labelled item as token ids; special tokens are numbered from the vocabulary's end."""

    sequences: tuple[tuple[int, ...], ...]
    """One sequence per candidate answer or order of the texts, start to extract."""
    label: float
    """Index into the task's labels (or the right answer), of regression a place among its anchors,
    0 to n - 1; -1 for rows to predict."""
    cut: bool = False
    """Whether a text did not fit and lost its end."""

    @property
    def length(self) -> int:
        """Tokens of the longest sequence."""
        return max(map(len, self.sequences))


@dataclass(frozen=True, kw_only=True, slots=True)
class Transformation:
    """Turns the rows of one task into examples that fit a model's context."""

    kind: TaskKind
    n_labels: int
    """Labels of the task, anchors of a regression; idle for multiple choice."""
    encoding: Encoding
    vocab_size: int
    """The model's; start, delimiter and extract are the three ids after its last."""
    context_length: int
    score_range: tuple[float, float] | None = None
    """Lowest and highest score of a regression."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(TaskKind):
            raise CorpusError(
                f"a task of kind {self.kind!r} has no head; known: {', '.join(get_args(TaskKind))}"
            )
        if self.context_length < 6:
            raise CorpusError(
                f"context_length={self.context_length} cannot hold two texts; at least 6 needed"
            )

    def examples(self, rows: Sequence[Mapping[str, Any]], *, labelled: bool) -> list[Example]:
        """Transform rows in their order.

        Raises:
            CorpusError: a column is missing, a text empty, a label unknown, or there are fewer
                than two answers; the message shows the row.
        """
        return [self._example(row, labelled=labelled) for row in rows]

    def _example(self, row: Mapping[str, Any], *, labelled: bool) -> Example:
        sequences, cut = self._sequences(row)
        return Example(sequences=sequences, label=self._label(row) if labelled else -1, cut=cut)

    def _sequences(self, row: Mapping[str, Any]) -> tuple[tuple[tuple[int, ...], ...], bool]:
        """All sequences of a row, and whether any of its texts was cut."""
        if self.kind == "classification":
            # The released code has no such task; a lone text may fill the context.
            text, room = self._tokens(_text(row, "text")), self.context_length - 2
            return ((self._start, *text[:room], self._extract),), len(text) > room
        first_name, second_name = _COLUMNS[self.kind]
        first = self._tokens(_text(row, first_name))
        if self.kind == "multiple-choice":
            seconds = [self._tokens(answer) for answer in self._answers(row)]
            # GPT-1 sec. 3.3: document and question are one part; the question is kept whole.
            question = self._tokens(_text(row, "question")) if row.get("question") else []
        else:
            seconds, question = [self._tokens(_text(row, second_name))], []
        part = self.context_length // 2 - 2  # finetune-transformer-lm, train.py
        cut = len(first) + len(question) > part or max(map(len, seconds)) > part
        question = question[:part]
        first = [*first[: part - len(question)], *question]
        pairs = [(first, second[:part]) for second in seconds]
        if self.kind in ("similarity", "regression"):
            pairs.append((pairs[0][1], pairs[0][0]))
        return tuple(self._pair(one, other) for one, other in pairs), cut

    def _pair(self, first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
        return (self._start, *first, self._delimiter, *second, self._extract)

    def _answers(self, row: Mapping[str, Any]) -> list[str]:
        answers = _column(row, "choices")
        if not isinstance(answers, Sequence) or isinstance(answers, str):
            raise CorpusError(f"choices must be a list of texts; {_shown(row)}")
        if len(answers) < 2:
            raise CorpusError(f"{len(answers)} choices; two or more are needed; {_shown(row)}")
        return [_text({**row, "choices": answer}, "choices") for answer in answers]

    def _label(self, row: Mapping[str, Any]) -> float:
        label = _column(row, "label")
        if self.kind == "regression":
            return self._place(label, row)
        known = len(row["choices"]) if self.kind == "multiple-choice" else self.n_labels
        if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < known:
            raise CorpusError(
                f"unknown label {label!r}; expected a whole number from 0 to {known - 1}; "
                + _shown(row)
            )
        return label

    def _place(self, score: Any, row: Mapping[str, Any]) -> float:
        """Place of a regression's score among its anchors."""
        assert self.score_range is not None, "a regression has a range of scores"
        low, high = self.score_range
        number = isinstance(score, int | float) and not isinstance(score, bool)
        if not number or not math.isfinite(score) or not low <= score <= high:
            raise CorpusError(
                f"unknown score {score!r}; expected a number from {low} to {high}; {_shown(row)}"
            )
        return (score - low) / (high - low) * (self.n_labels - 1)

    def _tokens(self, text: str) -> list[int]:
        return self.encoding.encode_ordinary(text)

    @property
    def _start(self) -> int:
        return self.vocab_size + START

    @property
    def _delimiter(self) -> int:
        return self.vocab_size + DELIMITER

    @property
    def _extract(self) -> int:
        return self.vocab_size + EXTRACT


def count_tokens(examples: Sequence[Example]) -> int:
    """Tokens of all sequences, special ones included, padding not."""
    return sum(len(sequence) for example in examples for sequence in example.sequences)


def _column(row: Mapping[str, Any], name: str) -> Any:
    if name not in row or row[name] is None:
        raise CorpusError(f"no value in column {name!r}; add it to every row; {_shown(row)}")
    return row[name]


def _text(row: Mapping[str, Any], name: str) -> str:
    text = _column(row, name)
    if not isinstance(text, str):
        raise CorpusError(
            f"column {name!r} must hold text, not {type(text).__name__}; {_shown(row)}"
        )
    if not text.strip():
        raise CorpusError(f"empty text in column {name!r}; drop or fill the row; {_shown(row)}")
    return text


def _shown(row: Mapping[str, Any]) -> str:
    """The row for a message, long texts shortened."""
    text = repr(dict(row))
    return "row: " + (text if len(text) <= 300 else text[:300] + "...")
