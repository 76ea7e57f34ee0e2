"""From the bytes of a page to its main text."""

import re
from dataclasses import dataclass
from typing import Any

from gptpath.config.web import Extraction
from gptpath.text.sources.decoding import decode_page, looks_binary
from gptpath.text.web.libraries import web_library

NO_TEXT = "page_without_main_text"
NOT_TEXT = "page_not_text"

HTML = frozenset({"text/html", "application/xhtml+xml"})
PLAIN = "text/plain"

_LOOKED_AT = 4096
"""Bytes in which a page of no stated type must show that it is one."""
_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|title|meta|div|p|h1|table|a|br)\b", re.I)


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
    page = decoded.text
    kind = media_type(content_type)
    if kind in HTML or (not kind and _MARKUP.search(body[:_LOOKED_AT])):
        page = _main_text(page, settings)
    return Extracted(text=page, encoding=decoded.encoding) if page.strip() else NO_TEXT


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
