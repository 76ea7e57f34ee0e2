"""Normalise texts and drop those that are no prose; every drop has a reason."""

import re
import unicodedata
from dataclasses import dataclass

import ftfy
import polars as pl

from gptpath.config.cleaning import Cleaning

TOO_SHORT = "too_short"
TOO_LONG = "too_long"
FEW_LETTERS = "few_letters"

LETTER_SHARE = 0.6
"""Least share of letters among the characters that are not white space."""

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


def clean(text: str) -> str:
    r"""Repair and normalise one text.

    Wrong decodings are repaired by ftfy where there is any character outside ASCII, Unicode is
    composed (NFC), line ends become "\n", control characters and blanks at line ends go, and
    several empty lines become one.
    """
    if not text.isascii():
        text = ftfy.fix_text(text, _FTFY)
        text = unicodedata.normalize("NFC", text)
    text = _NEWLINES.sub("\n", text)
    text = _CONTROLS.sub("", text)
    text = _TRAILING_BLANKS.sub("", text)
    return _EMPTY_LINES.sub("\n\n", text).strip("\n")


def drop_reason(text: str, *, min_chars: int, max_chars: int) -> str | None:
    """Why a cleaned text is not kept, or None."""
    if len(text) < min_chars:
        return TOO_SHORT
    if len(text) > max_chars:
        return TOO_LONG
    visible = "".join(text.split())
    letters = sum(map(str.isalpha, visible))
    return FEW_LETTERS if letters < LETTER_SHARE * len(visible) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanedFrame:
    """Documents kept, with cleaned texts, and dropped ones with a column `reason`."""

    kept: pl.DataFrame
    dropped: pl.DataFrame


def clean_frame(frame: pl.DataFrame, settings: Cleaning) -> CleanedFrame:
    """Clean a table of documents."""
    texts = [clean(text) for text in frame["text"]]
    reasons = [
        drop_reason(text, min_chars=settings.min_chars, max_chars=settings.max_chars)
        for text in texts
    ]
    cleaned = frame.with_columns(
        pl.Series("text", texts, dtype=pl.String), pl.Series("reason", reasons, dtype=pl.String)
    )
    return CleanedFrame(
        kept=cleaned.filter(pl.col("reason").is_null()).drop("reason"),
        dropped=cleaned.filter(pl.col("reason").is_not_null()),
    )
