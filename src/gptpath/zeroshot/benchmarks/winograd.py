"""Winograd schemas: the partial-scoring rows made by hand, or the authors' XML."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from gptpath.errors import CorpusError
from gptpath.zeroshot.benchmarks.files import read_bytes, read_rows

WSC273 = 273
"""Schemas of the collection that the papers report on."""
POSSESSIVE = ("his", "her", "its", "their")
"""In these 273 schemas every `her` is possessive."""
ARTICLES = ("The", "A", "An", "His", "Her", "Its", "Their", "My")


def read_schemas(path: Path) -> list[dict[str, Any]]:
    """Rows of `context_options`, `continuation`, `gold` and `id` (the place in the file)."""
    return _schemas(path) if ".xml" in path.name else read_rows(path)


def _schemas(path: Path) -> list[dict[str, Any]]:
    try:
        root = ElementTree.fromstring(read_bytes(path))
    except ElementTree.ParseError as error:
        raise CorpusError(f"{path} is not the Winograd collection's XML ({error})") from None
    schemas = root.findall("schema")[:WSC273]
    return [_schema(schema) | {"id": f"{n:05d}"} for n, schema in enumerate(schemas)]


def _schema(schema: ElementTree.Element) -> dict[str, Any]:
    """The pronoun replaced by each answer, as people do it by hand in the partial-scoring files.

    Articles become definite (`a rag` -> `the rag`), capitals follow the place in the sentence,
    possessive pronouns give `'s`, and others none.
    """
    before, pronoun, after = (
        " ".join((schema.findtext(f"text/{tag}") or "").split()) for tag in ("txt1", "pron", "txt2")
    )
    starts_sentence = not before or before[-1] in ".!?"
    ending = "'s" if pronoun.lower() in POSSESSIVE else ""
    options: list[str] = []
    for answer in schema.findall("answers/answer"):
        words = (answer.text or "").split() or [""]
        if words[0] in ARTICLES:
            words[0] = words[0].lower()
        if words[0] in ("a", "an"):
            words[0] = "the"
        text = " ".join(words).removesuffix("'s") + ending
        if starts_sentence:
            text = text[:1].upper() + text[1:]
        options.append(f"{before} {text}".strip())
    gold = (schema.findtext("correctAnswer") or "").strip().rstrip(".")
    return {
        "context_options": options,
        "continuation": after,
        "gold": {"A": 0, "B": 1}.get(gold),
    }
