"""Natural sentences of a document: what labelled tasks are made from.

Docstrings mix prose with parameter tables, examples and markup; books mix it with headings and
verse. Here only whole sentences of running text remain, in runs without gaps.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gptpath.text.documents import FILES, Document

_UNDERLINE = re.compile(r"([-=~^\"'*#+`])\1{2,}$")
_NO_PROSE = re.compile(r"(>>>|\.\.|[:|+#=*@\\$>~-]|\d+[.)]|\(?[a-z]\)|\[\d)")
_FIELD_SECTIONS = re.compile(
    r"(?:(?:other )?parameters|(?:keyword )?arguments|returns?|return value|yields|receives"
    r"|raises|warns|attributes)$"
)
_SKIPPED_SECTIONS = re.compile(r"(?:see also|references|methods|examples?)$")
_GOOGLE_SECTION = re.compile(r"(?:Args|Arguments|Keyword Args|Attributes|Raises|Returns|Yields):$")
_GOOGLE_FIELD = re.compile(r"\s+\*{0,2}\w+(?: \([^)]*\))?: +(.*)")
_LONG_LINE = 200
"""A line longer than this is a paragraph of its own: the file is not hard-wrapped."""

_SENTENCE_END = re.compile(r"(?<=[.!?])(?=[\"'”’)]{0,2}\s+[\"'“‘(]?[A-Z])[\"'”’)]{0,2}\s+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|resp|approx|etc|al|Fig|Eq|Sec|No|Ref|Dr|Mr|Mrs|Ms|St|Prof|Jr|vol|pp)"
    r"|\b[A-Z])\.$"
)
_ROLE = re.compile(r":[a-z:]+:`~?\.?([^`<]*?)(?: <[^`]*>)?`")
_MARKUP = re.compile(r"``?([^`]*)``?_{0,2}|\*\*?(\w[^*]*)\*\*?")
_FOOTNOTE = re.compile(r"\s*\[[^\]]{1,12}\]_")
_NATURAL = re.compile(r"[\"'“‘(]?[A-Z][^{}<>=\\|\[\]^~#$%@*+`]*[.!?][\"'”’)]{0,2}")
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")

SHORTEST, LONGEST = 5, 45
"""Words of a natural sentence."""
_WORDY = 0.85
"""Least share of plain words among a sentence's blank-separated pieces."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prose:
    """The natural sentences of one document."""

    summary: str | None
    """The author's own summary line; None for books and where there is none."""
    runs: list[list[str]]
    """Sentences in text order, the summary first; a new run where something was skipped."""

    @property
    def sentences(self) -> list[str]:
        """All sentences of all runs."""
        return [sentence for run in self.runs for sentence in run]

    @property
    def body(self) -> list[str]:
        """All sentences but the summary, which some authors repeat."""
        return [sentence for sentence in self.sentences if sentence != self.summary]


def prose_of(document: Document) -> Prose:
    """Find the summary line and the natural sentences of a document; markup is taken out."""
    summary: str | None = None
    runs: list[list[str]] = [[]]
    for number, paragraph in enumerate(_paragraphs(document)):
        sentences = split_sentences(plain(paragraph)) if paragraph else []
        if number == 0 and document.kind != FILES and sentences:
            summary = _summary(sentences.pop(0))
            runs[-1] += [summary] if summary else []
        if not paragraph:
            runs.append([])
        for sentence in sentences:
            if is_natural(sentence):
                runs[-1].append(sentence)
            else:
                runs.append([])
    return Prose(summary=summary, runs=[run for run in runs if run])


def _paragraphs(document: Document) -> Iterator[str | None]:
    """Yield paragraphs of running text, each on one line, and None where something is skipped."""
    book = document.kind == FILES
    section = ""
    for block in re.split(r"\n\s*\n", document.text):
        lines = block.strip("\n").split("\n")
        if book and max(map(len, lines)) > _LONG_LINE:
            yield from (line.strip() for line in lines if line.strip())
            continue
        if len(lines) > 1 and _UNDERLINE.match(lines[1].strip()):
            section = lines[0].strip().lower()
            lines = lines[2:]
            yield None
        if any(_NO_PROSE.match(line.lstrip()) for line in lines):
            yield None
        elif _FIELD_SECTIONS.match(section) or _GOOGLE_SECTION.match("".join(lines[:1])):
            yield from _descriptions(lines)
        elif _SKIPPED_SECTIONS.match(section) or not lines or (not book and _indented(lines)):
            yield None
        else:
            yield " ".join(line.strip() for line in lines)


def _indented(lines: list[str]) -> bool:
    return any(line[:1].isspace() for line in lines)


def _descriptions(lines: list[str]) -> Iterator[str | None]:
    """The indented descriptions in a list of parameters and the like, each by itself."""
    description: list[str] = []
    for line in [*lines, ""]:
        field = _GOOGLE_FIELD.match(line)
        if field or not line[:1].isspace():
            yield from (None, " ".join(description)) if description else ()
            description = []
        if field:
            description.append(field[1])
        elif line[:1].isspace():
            description.append(line.strip())
    yield None


def plain(paragraph: str) -> str:
    """Take reStructuredText's roles, emphasis, literals and footnote marks out."""
    paragraph = _ROLE.sub(r"\1", paragraph)
    paragraph = _MARKUP.sub(lambda match: match[1] or match[2] or "", paragraph)
    return " ".join(_FOOTNOTE.sub("", paragraph).split())


def split_sentences(paragraph: str) -> list[str]:
    """Split at sentence ends, abbreviations and initials aside."""
    sentences: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(paragraph):
        if not _ABBREVIATION.search(paragraph[start : match.start()]):
            sentences.append(paragraph[start : match.end()].strip())
            start = match.end()
    rest = paragraph[start:].strip()
    return [*sentences, rest] if rest else sentences


def is_natural(sentence: str) -> bool:
    """Whether a sentence is whole, of moderate length, and nearly all plain words."""
    pieces = sentence.split()
    if not SHORTEST <= len(pieces) <= LONGEST or not _NATURAL.fullmatch(sentence):
        return False
    plain_words = sum(bool(_WORD.fullmatch(piece.strip("\"'“”‘’(),;:.!?"))) for piece in pieces)
    return plain_words >= _WORDY * len(pieces)


def _summary(sentence: str) -> str | None:
    if sentence.endswith((":", ",", ";")):
        return None
    whole = sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
    words = whole.split()
    return whole if len(words) >= 4 and _NATURAL.fullmatch(whole) else None


def words_of(sentence: str) -> list[str]:
    """The plain words of a sentence, in order, case kept."""
    return _WORD.findall(sentence)
