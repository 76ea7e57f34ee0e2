"""Typed items of the zero-shot tasks, read from loose rows; malformed rows are counted.

Rows come from Parquet or JSON that somebody may have written by hand, so every field is checked
here once; the protocols can then rely on the types.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Item = TypeVar("Item")


class MalformedItemError(ValueError):
    """A row lacks a field or has one that the protocol cannot use; counted, never fatal."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """Under what it is counted: the same for all rows of one kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LastWordItem:
    """A passage without its last word (LAMBADA form)."""

    id: str
    context: str
    """All before the last word; whitespace at its end is kept, one space stands for none."""
    target: str
    """The last word, without whitespace."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClozeItem:
    """A sentence with a missing word, and what stands before it (Children's Book Test form)."""

    id: str
    before: str
    """Preceding sentences and the sentence up to the gap."""
    choices: tuple[str, ...]
    after: str
    """The rest of the sentence."""
    label: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceItem:
    """A context and several continuations, one of them true."""

    id: str
    context: str
    choices: tuple[str, ...]
    label: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptabilityItem:
    """A natural sentence or a corrupted one; `pair` holds the two together."""

    id: str
    text: str
    natural: bool
    pair: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryItem:
    """A document and its author's own summary."""

    id: str
    article: str
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaItem:
    """A Winograd schema with each candidate put in place of the pronoun."""

    id: str
    contexts: tuple[str, str]
    """The sentence up to and including each candidate."""
    continuation: str
    """The rest of the sentence, beginning with its space or punctuation."""
    label: int


def parse_items(
    rows: Iterable[Mapping[str, Any]], parse: Callable[[Mapping[str, Any]], Item]
) -> tuple[list[Item], Counter[str]]:
    """The well-formed items of `rows`, and how many rows were malformed by reason."""
    items: list[Item] = []
    malformed: Counter[str] = Counter()
    for row in rows:
        try:
            items.append(parse(row))
        except MalformedItemError as error:
            malformed[error.reason] += 1
    return items, malformed


def last_word_item(row: Mapping[str, Any]) -> LastWordItem:
    """Row with `context` and `target` (one word)."""
    target = _text(row, "target").strip()
    if len(target.split()) != 1:
        raise MalformedItemError(f"target {target!r}", reason="target is not one word")
    return LastWordItem(id=_text(row, "id"), context=_text(row, "context"), target=target)


def cloze_item(row: Mapping[str, Any]) -> ClozeItem:
    """Row with `context`, `prefix`, `suffix`, `choices`, `label`."""
    choices = _choices(row)
    prefix, suffix = _text(row, "prefix", empty=True), _text(row, "suffix", empty=True)
    context = _text(row, "context", empty=True)
    glue = "" if not context or context[-1].isspace() or prefix[:1].isspace() else " "
    return ClozeItem(
        id=_text(row, "id"),
        before=context + glue + prefix,
        choices=choices,
        after=suffix,
        label=_index(row, "label", len(choices)),
    )


def choice_item(row: Mapping[str, Any]) -> ChoiceItem:
    """Row with `context`, `choices`, `label`; a missing space between the two is added."""
    choices = _choices(row)
    context = _text(row, "context")
    if not context[-1].isspace():
        choices = tuple(c if c[0].isspace() else " " + c for c in choices)
    return ChoiceItem(
        id=_text(row, "id"),
        context=context,
        choices=choices,
        label=_index(row, "label", len(choices)),
    )


def acceptability_item(row: Mapping[str, Any]) -> AcceptabilityItem:
    """Row with `text`, `label` (1 natural, 0 corrupted) and `pair`."""
    return AcceptabilityItem(
        id=_text(row, "id"),
        text=_text(row, "text"),
        natural=_index(row, "label", 2) == 1,
        pair=_text(row, "pair"),
    )


def summary_item(row: Mapping[str, Any]) -> SummaryItem:
    """Row with `article` and `summary`."""
    return SummaryItem(
        id=_text(row, "id"), article=_text(row, "article"), summary=_text(row, "summary")
    )


def passage_item(row: Mapping[str, Any]) -> LastWordItem:
    """Row with `text`, a passage whose last word is the target (OpenAI's LAMBADA file)."""
    text = _text(row, "text").rstrip()
    target = text.split()[-1]
    context = text.removesuffix(target)
    return last_word_item({"id": row.get("id"), "context": context, "target": target})


def schema_item(row: Mapping[str, Any]) -> SchemaItem:
    """Row with `context_options` (2), `continuation` and `gold`."""
    options = _strings(row, "context_options")
    if len(options) != 2:
        raise MalformedItemError(
            f"{len(options)} context_options, expected 2", reason="context_options are not two"
        )
    rest = _text(row, "continuation").strip()
    glue = "" if rest[0] in ",.;:!?'’)" else " "
    return SchemaItem(
        id=_text(row, "id"),
        contexts=(options[0].strip(), options[1].strip()),
        continuation=glue + rest,
        label=_index(row, "gold", 2),
    )


def _text(row: Mapping[str, Any], key: str, *, empty: bool = False) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not (empty or value.strip()):
        raise MalformedItemError(f"{key} is {value!r}", reason=f"{key} is no text")
    return value


def _strings(row: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = row.get(key)
    if not isinstance(values, list | tuple):
        raise MalformedItemError(f"{key} is {values!r}", reason=f"{key} is no list of texts")
    return tuple(_text({key: value}, key) for value in values)


def _choices(row: Mapping[str, Any]) -> tuple[str, ...]:
    choices = _strings(row, "choices")
    if len(choices) < 2 or len(set(choices)) != len(choices):
        raise MalformedItemError(
            f"choices {choices!r}", reason="choices are not two or more different texts"
        )
    return choices


def _index(row: Mapping[str, Any], key: str, bound: int) -> int:
    value = row.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < bound:
        raise MalformedItemError(
            f"{key} is {value!r}", reason=f"{key} is no number from 0 to {bound - 1}"
        )
    return value
