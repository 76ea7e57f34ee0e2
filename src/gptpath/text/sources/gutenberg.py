"""Project Gutenberg's own words around its books: header, production credits, licence."""

import re

LICENCE = "Project Gutenberg License"

_START = re.compile(
    r"^[ \t]*\*\*\*[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK.{0,300}?\*\*\*[ \t]*$"
    # Before 2003 the header ended so.
    r"|^\*END[ \t]*\*?[ \t]*THE SMALL PRINT![^\n]*$",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_END = re.compile(
    r"^[ \t]*(?:\*\*\*[ \t]*END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK"
    r"|End of (?:the )?Project Gutenberg)",
    re.IGNORECASE | re.MULTILINE,
)
_CREDITS = re.compile(r"\s*(?:E-text prepared|(?:This e(?:text|book) was )?Produced) by\b")
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")


def without_boilerplate(text: str) -> tuple[str, bool]:
    """Text between Project Gutenberg's markers, and whether there was anything to cut."""
    text = text.replace("\r\n", "\n")
    start = _START.search(text)
    begin = start.end() if start else 0
    credits = _CREDITS.match(text, begin) if start else None
    if credits:
        paragraph = _PARAGRAPH_END.search(text, credits.end())
        begin = paragraph.end() if paragraph else begin
    end = _END.search(text, begin)
    stop = end.start() if end else len(text)
    return text[begin:stop], bool(start or end)
