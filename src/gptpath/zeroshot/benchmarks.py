"""Public benchmarks in their published layouts, read from a local folder, never downloaded.

```
lambada/lambada_test.jsonl          OpenAI's file for GPT-2: {"text": passage} per line
wikitext-2/test.txt                 word-level test split (also wiki.test.tokens)
winograd/winograd_wsc.jsonl         {"context_options", "continuation", "gold"} per line, or else
winograd/WSCollection.xml           the authors' collection; its first 273 schemas
```
Each may be gzipped (`.gz` added). What is absent is reported by the name of the missing file.
No torch here: the contamination stage reads the same texts.
"""

import gzip
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from gptpath.errors import CorpusError

LAMBADA = ("lambada/lambada_test.jsonl",)
WIKITEXT = ("wikitext-2/test.txt", "wikitext-2/wiki.test.tokens")
WINOGRAD = ("winograd/winograd_wsc.jsonl", "winograd/WSCollection.xml")
FILES = {"lambada": LAMBADA, "wikitext-2": WIKITEXT, "winograd": WINOGRAD}

WSC273 = 273
"""Schemas of the collection that the papers report on."""
POSSESSIVE = ("his", "her", "its", "their")
"""In these 273 schemas every `her` is possessive."""
ARTICLES = ("The", "A", "An", "His", "Her", "Its", "Their", "My")


def absence(folder: Path, benchmark: str) -> str | None:
    """Why a benchmark cannot be read: the missing file by name; None when it is there."""
    if _find(folder, FILES[benchmark]) is not None:
        return None
    wanted = " or ".join(FILES[benchmark])
    return f"no {wanted} (or .gz) in the folder of zeroshot.benchmarks_dir"


def read_rows(folder: Path, benchmark: str) -> list[dict[str, Any]]:
    """Rows of `lambada` or `winograd`; a line that is not a JSON object becomes an empty row.

    Rows have an `id`, the place in the file. Raises CorpusError if the file is missing or is not
    what its name says.
    """
    path = _require(folder, benchmark)
    if ".xml" in path.name:
        return _schemas(path)
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(_read(path).splitlines()):
        if line.strip():
            rows.append(_object(line) | {"id": f"{number:05d}"})
    return rows


def read_wikitext(folder: Path) -> list[str]:
    """Lines of WikiText-2's test split as published, each with its line feed."""
    return _read(_require(folder, "wikitext-2")).splitlines(keepends=True)


def _find(folder: Path, names: tuple[str, ...]) -> Path | None:
    candidates = (folder / (name + end) for name in names for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _require(folder: Path, benchmark: str) -> Path:
    path = _find(folder, FILES[benchmark])
    if path is None:
        raise CorpusError(f"{benchmark}: {absence(folder, benchmark)}")
    return path


def _read(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{path} is not {'gzipped ' if path.suffix == '.gz' else ''}UTF-8 text ({error}); "
            "fetch the published file again"
        ) from None


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _schemas(path: Path) -> list[dict[str, Any]]:
    raw = path.read_bytes()
    try:
        root = ElementTree.fromstring(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except (OSError, EOFError, ElementTree.ParseError) as error:
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
