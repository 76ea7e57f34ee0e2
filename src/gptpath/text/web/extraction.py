"""From the bytes of a page to its main text."""

import codecs
import re
from dataclasses import dataclass
from typing import Any

from gptpath.config.web import Extraction
from gptpath.text.sources.decoding import decode, looks_binary
from gptpath.text.web.libraries import web_library

NO_TEXT = "page_without_main_text"
NOT_TEXT = "page_not_text"

HTML = frozenset({"text/html", "application/xhtml+xml"})
PLAIN = "text/plain"

_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.I)
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([a-z0-9_:.-]{2,40})")
_LOOKED_AT = 4096
"""Bytes in which a page may name its encoding; browsers look at 1,024."""
_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|title|meta|div|p|h1|table|a|br)\b", re.I)
_WESTERN = frozenset({"ascii", "iso8859-1"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """The main text of a page."""

    text: str
    encoding: str
    """What the page was decoded from, by Python's name."""


def media_type(content_type: str) -> str:
    """The type alone of a header Content-Type, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def is_wanted(content_type: str) -> bool:
    """Whether a header Content-Type announces HTML or plain text, or nothing at all."""
    kind = media_type(content_type)
    return not kind or kind in HTML or kind == PLAIN


def extract(body: bytes, content_type: str, settings: Extraction) -> Extracted | str:
    """The main text of a page, a line for each paragraph, or the reason why it has none.

    Plain text is its own main text.
    """
    if looks_binary(body):
        return NOT_TEXT
    decoded = decode_page(body, content_type)
    if decoded is None:
        return NOT_TEXT
    page, encoding = decoded
    kind = media_type(content_type)
    if kind in HTML or (not kind and _MARKUP.search(body[:_LOOKED_AT])):
        page = _main_text(page, settings)
    return Extracted(text=page, encoding=encoding) if page.strip() else NO_TEXT


def decode_page(body: bytes, content_type: str) -> tuple[str, str] | None:
    """Text and encoding of a page: mark, UTF-8 if it is, header, meta element, detection.

    Many servers declare ISO-8859-1 for everything, and hardly any text in another encoding is
    valid UTF-8 by chance; so valid UTF-8 goes before what is declared. ISO-8859-1 and ASCII are
    read as Windows-1252, as browsers do.
    """
    declared = _declared(body, content_type)
    if not body.isascii() or not declared:
        marked = decode(body) if _has_mark(body) else None
        if marked is not None:
            return marked.text, marked.encoding
        try:
            return body.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            pass
    for encoding in declared:
        try:
            return body.decode(encoding), encoding
        except (UnicodeDecodeError, LookupError):
            continue
    detected = decode(body)
    return None if detected is None else (detected.text, detected.encoding)


def _has_mark(body: bytes) -> bool:
    return body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _declared(body: bytes, content_type: str) -> list[str]:
    """Encodings that the header and the page name, by Python's names; unknown ones are left out."""
    names = [match[1] for match in [_CHARSET.search(content_type.lower())] if match]
    for pattern in (_META, _DECLARATION):
        match = pattern.search(body[:_LOOKED_AT])
        names += [match[1].decode("ascii")] if match else []
    known: list[str] = []
    for name in names:
        try:
            found = codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        if getattr(found, "_is_text_encoding", True):
            known.append("cp1252" if found.name in _WESTERN else found.name)
    return known


def _main_text(page: str, settings: Extraction) -> str:
    trafilatura: Any = web_library("trafilatura")
    try:
        text = trafilatura.extract(
            page,
            output_format="txt",
            favor_precision=settings.favour == "precision",
            favor_recall=settings.favour == "recall",
            include_comments=settings.comments,
            include_tables=settings.tables,
            include_formatting=False,
            deduplicate=False,  # would depend on the pages before
        )
    except (ValueError, RecursionError):  # lxml on markup that is nested beyond all measure
        text = None
    return text or ""
