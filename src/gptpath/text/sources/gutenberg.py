"""Project Gutenberg's own words around its books: header, production credits, licence.

Its markers, as its files have them:

- since about 2003: `*** START OF THIS PROJECT GUTENBERG EBOOK X ***`, also `THE` for `THIS`, also
  over several lines, and the like with `END OF`;
- before: a header that ends with `*END*THE SMALL PRINT! ...*END*`; some files have both;
- above the end marker, or alone: `End of Project Gutenberg's X`, `End of the Project Gutenberg
  EBook of X`, by which the licence begins.
"""

import re

LICENCE = "Project Gutenberg License"

_START = re.compile(
    r"^[ \t]*\*\*\*[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)"
    r".{0,300}?\*\*\*[ \t]*$"
    r"|^[ \t]*\*END[ \t]*\*?[ \t]*THE SMALL PRINT![^\n]*$",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_END = re.compile(
    r"^[ \t]*(?:\*\*\*[ \t]*END OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)"
    r"|(?:\*\*\*[ \t]*)?End of (?:the |this )?Project Gutenberg)",
    re.IGNORECASE | re.MULTILINE,
)
_CREDITS = re.compile(
    r"\s*(?:(?:This )?[Ee](?:-?text|[Bb]ook) (?:was )?(?:produced|prepared|scanned|typed) by\b"
    r"|Produced by\b|Transcribed from (?:(?!\n[ \t]*\n).){1,160}?\sby\b)",
    re.DOTALL,
)
_NAMED = re.compile(
    r"^.*\b(?:Project Gutenberg|e-?text|e-?book)\b.*$", re.IGNORECASE | re.MULTILINE
)
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")

_SMALL_PRINT = 20_000
"""Characters within which a second start marker belongs to the same header."""


def without_boilerplate(text: str) -> tuple[str, bool]:
    """Text between Project Gutenberg's markers, and whether there was anything to cut.

    Of several books in one file each is kept. What stands before a header, by which some files
    give the book's title, is kept too.
    """
    text = text.replace("\r\n", "\n")
    start = _START.search(text)
    books = [_before_header(text[: start.start()])] if start else []
    begin = _begin(text, start) if start else 0
    end = _END.search(text, begin)
    cut = bool(start or end)
    while end:
        books.append(text[begin : end.start()])
        start = _START.search(text, end.end())
        if start is None:
            return "".join(books), cut
        begin = _begin(text, start)
        end = _END.search(text, begin)
    return "".join([*books, text[begin:]]), cut


def _begin(text: str, start: re.Match[str]) -> int:
    """Where the book begins: after the header's last marker and the credits."""
    begin = start.end()
    end = _END.search(text, begin)
    limit = min(end.start() if end else len(text), begin + _SMALL_PRINT)
    while again := _START.search(text, begin, limit):
        begin = again.end()
    while credits := _CREDITS.match(text, begin):
        paragraph = _PARAGRAPH_END.search(text, credits.end())
        if paragraph is None:
            break
        begin = paragraph.end()
    return begin


def _before_header(text: str) -> str:
    """What stands above the first line that names the project; nothing where no line does."""
    named = _NAMED.search(text)
    return text[: named.start()] if named else ""
