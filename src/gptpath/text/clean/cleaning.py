"""From raw texts to normalised ones, and those that are kept; every drop has one reason.

`normalise_frame` changes texts and drops none, `drop_frame` drops and changes none, `clean_frame`
is the one after the other. Rows do not look at each other, so any batch size gives the same rows.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ftfy
import numpy as np
import numpy.typing as npt
import polars as pl
from ftfy.badness import is_bad

from gptpath.config.cleaning import Cleaning
from gptpath.text.clean.c4_lines import without_bad_lines
from gptpath.text.clean.characters import letter_shares
from gptpath.text.clean.domains import in_domains
from gptpath.text.clean.language import language_reasons
from gptpath.text.clean.privacy import mask
from gptpath.text.clean.quality import quality_reasons

REMOVED_DOMAIN = "removed_domain"
TOO_SHORT = "too_short"
TOO_LONG = "too_long"
FEW_LETTERS = "few_letters"

# Repairs of wrong decoding only: typography and HTML belong to the author.
_FTFY = ftfy.TextFixerConfig(
    unescape_html=False,
    uncurl_quotes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    normalization=None,
    explain=False,
)
_NEWLINES = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\ufeff]")
_TRAILING_BLANKS = re.compile(r"[^\S\n]+$", re.MULTILINE)
_EMPTY_LINES = re.compile(r"\n{3,}")

TYPOGRAPHY = "‘’“”–—…•"
"""Characters that no pattern of ftfy's takes for a wrong decoding, in whatever company of each
other and of ASCII, and that NFC leaves alone."""
# Beyond ASCII these make up most English text; what holds nothing else needs no repair.
_UNUSUAL = rf"[^\t\n\r\x20-\x7e{TYPOGRAPHY}]"
# What ftfy changes in lines that it does not take for wrongly decoded.
_FTFY_REMOVES = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\r\u2028\u2029\ud800-\udfff\u206a-\u206f\ufeff\ufff9-\ufffc]"
)
_FTFY_SEGMENT = 1_000_000
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_REACH = 8
"""Each of ftfy's patterns has at most seven characters, one of them outside ASCII."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanedFrame:
    """What became of a table of documents; each row is in one of the two."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    """The columns of `kept`, and `reason`."""


def clean_frame(frame: pl.DataFrame, settings: Cleaning) -> CleanedFrame:
    """Normalise the texts of a table of documents and drop those that `settings` exclude."""
    return drop_frame(normalise_frame(frame, settings), settings)


def normalise_frame(frame: pl.DataFrame, settings: Cleaning) -> pl.DataFrame:
    """Normalise all texts as `clean` does, mask what is asked for, apply C4's line rules.

    A column of strings cannot hold lone surrogates; texts that may have some go through `clean`
    before they enter a table.
    """
    texts = _normalised(frame["text"])
    changed = mask(texts, settings.mask)
    if "c4" in settings.quality:
        changed = without_bad_lines(changed, settings.c4)
    rows = (changed != texts).arg_true()
    if len(rows):
        texts = texts.scatter(rows, _normalised(changed.gather(rows)))
    return frame.with_columns(texts.alias("text"))


def drop_frame(frame: pl.DataFrame, settings: Cleaning) -> CleanedFrame:
    """Divide normalised documents into those that are kept and those that are not.

    Rules are asked in a fixed order (docs/cleaning.md); the first that hits is the reason.
    """
    texts = frame["text"]
    sizes = texts.str.len_chars().to_numpy()
    reasons = np.full(len(frame), "", object)
    if settings.remove_domains:
        # Of a page that redirected, or that a column names otherwise, metadata have the address.
        address = frame["metadata"].str.json_path_match("$.url").fill_null("")
        for places in (frame["location"], address):
            reasons[in_domains(places, settings.remove_domains)] = REMOVED_DOMAIN
    reasons[(reasons == "") & (sizes < settings.min_chars)] = TOO_SHORT
    reasons[(reasons == "") & (sizes > settings.max_chars)] = TOO_LONG
    _ask(reasons, texts, lambda left: _few_letters(left, settings))
    if settings.languages:
        _ask(reasons, texts, lambda left: language_reasons(left, settings))
    if settings.quality:
        _ask(reasons, texts, lambda left: quality_reasons(left, settings))
    column = pl.Series("reason", reasons.tolist(), pl.String)
    return CleanedFrame(
        kept=frame.filter(column == ""),
        dropped=frame.with_columns(column).filter(column != ""),
    )


def _ask(
    reasons: npt.NDArray[np.object_],
    texts: pl.Series,
    rule: Callable[[Sequence[str]], Sequence[str]],
) -> None:
    """Ask a rule of the texts that no earlier one hit."""
    left = np.flatnonzero(reasons == "")
    reasons[left] = rule(texts.gather(left).to_list())


def _few_letters(texts: Sequence[str], settings: Cleaning) -> list[str]:
    few = letter_shares(texts) < settings.min_letters
    return [FEW_LETTERS if hit else "" for hit in few]


def _normalised(texts: pl.Series) -> pl.Series:
    """`clean` of every text; plain English takes the fast way, with the same result."""
    unusual = texts.str.contains(_UNUSUAL)
    plain = (
        texts.str.replace_all("\r\n?", "\n")
        .str.replace_all(r"(?m)[ \t]+$", "")
        .str.replace_all(r"\n{3,}", "\n\n")
        .str.strip_chars("\n")
    )
    rows = unusual.arg_true()
    if not len(rows):
        return plain
    return plain.scatter(rows, [clean(text) for text in texts.gather(rows)])


def clean(text: str) -> str:
    r"""Repair and normalise one text.

    Wrong decodings are repaired by ftfy where there is any character outside ASCII, Unicode is
    composed (NFC), line ends become "\n", control characters and blanks at line ends go, and
    several empty lines become one. Rarely does one of these steps leave work for an earlier one;
    they are repeated until nothing changes.
    """
    while True:
        cleaned = _clean_once(text)
        if cleaned == text or cleaned.isascii():
            return cleaned
        text = cleaned


def _clean_once(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", _repair(text))
    text = _NEWLINES.sub("\n", text)
    text = _CONTROLS.sub("", text)
    text = _TRAILING_BLANKS.sub("", text)
    return _EMPTY_LINES.sub("\n\n", text).strip("\n")


def _repair(text: str) -> str:
    """ftfy.fix_text, which goes line by line, for the lines alone that it would change."""
    if _FTFY_REMOVES.search(text):
        return ftfy.fix_text(text, _FTFY)
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    for i, line in enumerate(lines):
        if not line.isascii() and (len(line) > _FTFY_SEGMENT or _may_be_bad(line)):
            lines[i] = ftfy.fix_text(line, _FTFY)
    return "".join(lines)


def _may_be_bad(line: str) -> bool:
    """Whether ftfy may see a wrong decoding; it looks only near characters outside ASCII."""
    spans = (match.span() for match in _NON_ASCII.finditer(line))
    return is_bad("".join(line[max(a - _REACH, 0) : b + _REACH] for a, b in spans))
