"""The section `ingest.cleaning` of params.yaml: how texts are normalised and which are kept.

No third-party import here, for the reason given in `gptpath.config.sections`.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from gptpath.config.sections import FORBID_UNKNOWN, require

QualityRules = Literal["gopher", "c4", "fineweb"]
Masked = Literal["email", "ip"]

_GOPHER_SHARES = (
    "max_bullet_lines",
    "max_ellipsis_lines",
    "min_words_with_letters",
    "max_duplicate_lines",
    "max_duplicate_line_chars",
    "max_duplicate_paragraphs",
    "max_duplicate_paragraph_chars",
    "max_top_ngram_chars",
    "max_duplicate_ngram_chars",
)
_FINEWEB_SHARES = ("min_punctuated_lines", "max_duplicate_line_chars", "max_short_lines")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gopher:
    """Rules of MassiveText (Rae et al. 2021, "Gopher", A1.1 and Table A1). Lengths in characters.

    Words are what white space separates; shares are of 1.
    """

    min_words: int = 50
    max_words: int = 100_000
    min_mean_word_length: float = 3.0
    max_mean_word_length: float = 10.0
    max_symbols_per_word: float = 0.1
    """Of hash signs, and of ellipses, each by itself."""
    max_bullet_lines: float = 0.9
    max_ellipsis_lines: float = 0.3
    min_words_with_letters: float = 0.8
    min_stop_words: int = 2
    """Different ones among: the, be, to, of, and, that, have, with. 0 for other languages."""
    max_duplicate_lines: float = 0.3
    max_duplicate_line_chars: float = 0.2
    max_duplicate_paragraphs: float = 0.3
    max_duplicate_paragraph_chars: float = 0.2
    max_top_ngram_chars: tuple[float, float, float] = (0.2, 0.18, 0.16)
    """Of the most frequent 2-, 3- and 4-gram of words."""
    max_duplicate_ngram_chars: tuple[float, float, float, float, float, float] = (
        0.15,
        0.14,
        0.13,
        0.12,
        0.11,
        0.1,
    )
    """Of all repeated 5- to 10-grams of words."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require(
            0 <= self.min_words <= self.max_words,
            f"gopher needs 0 <= min_words={self.min_words} <= max_words={self.max_words}",
        )
        _require_shares("gopher", self, _GOPHER_SHARES)


@dataclass(frozen=True, kw_only=True, slots=True)
class C4:
    """Rules of the Colossal Clean Crawled Corpus (Raffel et al. 2020, sec. 2.2; released code)."""

    terminal_punctuation: bool = True
    """Keep only lines that end in a full stop, exclamation, question or quotation mark. FineWeb
    used C4's rules without this one (Penedo et al. 2024, sec. 3.5)."""
    min_words_per_line: int = 5
    """Shorter lines are removed."""
    max_word_chars: int = 1000
    """Lines with a longer word are removed (released code)."""
    min_sentences: int = 3
    """Documents with fewer in the lines that remain are dropped."""
    __pydantic_config__ = FORBID_UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class FineWeb:
    """Rules of FineWeb (Penedo et al. 2024, sec. 3.6), over the lines that are not empty."""

    min_punctuated_lines: float = 0.12
    """Dropped if at most this share of lines ends in punctuation."""
    max_duplicate_line_chars: float = 0.1
    """Dropped from this share on. The paper's value; datatrove's default is 0.01."""
    max_short_lines: float = 0.67
    """Dropped from this share on."""
    short_line_chars: int = 30
    """Lines of fewer characters are short."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        _require_shares("fineweb", self, _FINEWEB_SHARES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaning:
    """What texts must be like to be kept (docs/cleaning.md has the table of rules)."""

    min_chars: int = 200
    max_chars: int = 100_000
    min_letters: float = 0.6
    """Least share of letters among the characters that are not white space."""
    mask: tuple[Masked, ...] = ()
    """Personal data to replace by placeholders."""
    remove_domains: tuple[str, ...] = ()
    """Web sites, sub-domains included, whose pages are dropped; `wikipedia` stands for Wikipedia
    in all its languages and its mirrors, which GPT-2 left out (GPT-2 sec. 2.1)."""
    languages: tuple[str, ...] = ()
    """ISO codes as CLD2 gives them, e.g. [en]; empty keeps every language."""
    language_confidence: float = 0.5
    """Least share of a text, as CLD2 counts it, that must be in `languages`."""
    undetected_language: Literal["drop", "keep"] = "drop"
    """What becomes of texts that CLD2 cannot name reliably, short ones above all."""
    quality: tuple[QualityRules, ...] = ()
    """Sets of heuristic rules, all meant for English; applied in the order gopher, c4, fineweb."""
    gopher: Gopher = field(default_factory=Gopher)
    c4: C4 = field(default_factory=C4)
    fineweb: FineWeb = field(default_factory=FineWeb)
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require(
            0 < self.min_chars < self.max_chars,
            f"ingest.cleaning needs 0 < min_chars={self.min_chars} < max_chars={self.max_chars}",
        )
        for name in ("min_letters", "language_confidence"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"ingest.cleaning.{name}={value} must lie between 0 and 1")
        for domain in self.remove_domains:
            require(
                domain == "wikipedia" or ("." in domain.strip(".") and "/" not in domain),
                f"ingest.cleaning.remove_domains has {domain!r}; expected a host name such as "
                "example.com, or wikipedia",
            )


def _require_shares(section: str, settings: Any, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(settings, name)
        for share in value if isinstance(value, tuple) else (value,):
            require(
                0 <= share <= 1,
                f"ingest.cleaning.{section}.{name}={value} must lie between 0 and 1",
            )
