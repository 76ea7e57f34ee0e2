"""Which language a text is in, by CLD2: the detector that GPT-2 names in sec. 3.7."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pycld2

from gptpath.config.cleaning import Cleaning
from gptpath.errors import ConfigError

OTHER_LANGUAGE = "other_language"
UNDETECTED_LANGUAGE = "undetected_language"

UNKNOWN = "un"
"""CLD2's code where it names no language."""

# CLD2 refuses control characters and the code points that Unicode keeps for no character at all.
_REFUSED = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """What CLD2 says of a text."""

    code: str
    """Of the language with most text; UNKNOWN where CLD2 names none or is not sure."""
    shares: dict[str, float]
    """Share of the text in each language that it finds, at most three."""


def detect_language(text: str) -> Language:
    """Detect the language of any text; never fails."""
    try:
        reliable, _, details = pycld2.detect(text, isPlainText=True)
    except (pycld2.error, UnicodeEncodeError):
        reliable, _, details = pycld2.detect(_REFUSED.sub(" ", text), isPlainText=True)
    shares = {code: percent / 100 for _, code, percent, _ in details if code != UNKNOWN}
    return Language(code=next(iter(shares), UNKNOWN) if reliable else UNKNOWN, shares=shares)


def language_reasons(texts: Sequence[str], settings: Cleaning) -> list[str]:
    """Why each text is dropped for its language; empty if it is kept.

    A text is in the languages asked for if at least `settings.language_confidence` of it is in
    one or another of them. A text that CLD2 is not sure of is undetected: usually one of fewer
    than some ten words, a list of names, or a table. Raises ConfigError for a code that CLD2 does
    not know.
    """
    known = {code for _, code in pycld2.LANGUAGES}
    unknown = sorted(set(settings.languages) - known)
    if unknown:
        raise ConfigError(
            f"ingest.cleaning.languages has {', '.join(map(repr, unknown))}; CLD2 knows "
            f"{', '.join(sorted(known - {UNKNOWN}))}"
        )
    return [_reason(detect_language(text), settings) for text in texts]


def _reason(language: Language, settings: Cleaning) -> str:
    if language.code == UNKNOWN:
        return UNDETECTED_LANGUAGE if settings.undetected_language == "drop" else ""
    wanted = sum(language.shares.get(code, 0.0) for code in settings.languages)
    # Shares are whole percents, and their sum in binary may miss one by its last bit.
    return OTHER_LANGUAGE if round(wanted, 6) < settings.language_confidence else ""
