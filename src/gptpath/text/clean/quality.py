"""Heuristic rules for web text, each with the publication that it comes from.

All of them were tuned on English web pages. They expect texts as
`gptpath.text.clean.cleaning` leaves them: no blanks at line ends, at most one empty line in a row.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from gptpath.config.cleaning import C4, Cleaning, FineWeb, Gopher
from gptpath.text.clean.characters import (
    Characters,
    Codes,
    Flags,
    Ints,
    in_chunks,
    lay_out,
    seen_before,
)
from gptpath.text.clean.repetition import duplicate_ngram_chars, top_ngram_chars

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
BULLETS = "•‣▪●◦*-"
TERMINALS = ".!?…。！？｡؟।\"'”’"
"""Characters that end a line of prose; those of C4 are four of them."""

Verdicts = Iterator[tuple[str, Flags]]
"""Reasons with the texts that they hit, in the order in which they are asked."""

_SENTENCE_END = r"""[.!?]["')\]”’]*(?:\s|$)"""


def quality_reasons(texts: Sequence[str], settings: Cleaning) -> list[str]:
    """Why each text is dropped by the rules of `settings.quality`; empty if it is kept."""
    reasons: list[str] = []
    for _, chunk in in_chunks(texts):
        reasons += _first_reasons(chunk, settings)
    return reasons


def _first_reasons(texts: Sequence[str], settings: Cleaning) -> list[str]:
    reasons = [""] * len(texts)
    for reason, hit in _verdicts(texts, settings):
        for i in np.flatnonzero(hit):
            reasons[i] = reasons[i] or reason
    return reasons


def _verdicts(texts: Sequence[str], settings: Cleaning) -> Verdicts:
    characters = lay_out(texts)
    if "gopher" in settings.quality:
        yield from _gopher_quality(texts, characters, settings.gopher)
        yield from _gopher_repetition(characters, settings.gopher)
    if "c4" in settings.quality:
        yield from _c4(texts, settings.c4)
    if "fineweb" in settings.quality:
        yield from _fineweb(characters, settings.fineweb)


def _gopher_quality(texts: Sequence[str], characters: Characters, limits: Gopher) -> Verdicts:
    """Rae et al. 2021, A1.1, "Quality filtering"."""
    words, lines = characters.words, characters.lines
    count = words.counts
    yield "gopher_few_words", count < limits.min_words
    yield "gopher_many_words", count > limits.max_words
    mean_length = words.sums(words.lengths) / np.maximum(count, 1)
    yield "gopher_short_words", mean_length < limits.min_mean_word_length
    yield "gopher_long_words", mean_length > limits.max_mean_word_length
    hashes = np.array([text.count("#") for text in texts])
    yield "gopher_hash_signs", hashes > limits.max_symbols_per_word * count
    ellipses = np.array([text.count("...") + text.count("…") for text in texts])
    yield "gopher_ellipses", ellipses > limits.max_symbols_per_word * count
    bullets = lines.sums(np.isin(_first_visible(characters), _codes(BULLETS)))
    yield "gopher_bullet_lines", bullets > limits.max_bullet_lines * lines.counts
    trailing = lines.sums(_ends_in_ellipsis(characters))
    yield "gopher_ellipsis_lines", trailing > limits.max_ellipsis_lines * lines.counts
    worded = words.sums(characters.letters(words) > 0)
    yield "gopher_words_without_letters", worded < limits.min_words_with_letters * count
    yield "gopher_few_stop_words", _stop_words(texts) < limits.min_stop_words


def _gopher_repetition(characters: Characters, limits: Gopher) -> Verdicts:
    """Rae et al. 2021, A1.1, "Repetition removal", with the thresholds of Table A1.

    Of equal things all but the first count as duplicates. Characters are counted against all of
    the text's, white space included.
    """
    for name, spans, most, most_chars in (
        (
            "paragraph",
            characters.paragraphs,
            limits.max_duplicate_paragraphs,
            limits.max_duplicate_paragraph_chars,
        ),
        ("line", characters.lines, limits.max_duplicate_lines, limits.max_duplicate_line_chars),
    ):
        again = seen_before(characters.hashes(spans), spans.texts)
        yield f"gopher_duplicate_{name}s", spans.sums(again) > most * spans.counts
        chars = spans.sums(again * spans.lengths)
        yield f"gopher_duplicate_{name}_chars", chars > most_chars * characters.sizes
    top = top_ngram_chars(characters, limits.max_top_ngram_chars)
    yield "gopher_top_ngram", top
    yield (
        "gopher_duplicate_ngrams",
        duplicate_ngram_chars(characters, limits.max_duplicate_ngram_chars),
    )


def _c4(texts: Sequence[str], limits: C4) -> Verdicts:
    """Raffel et al. 2020, sec. 2.2: what is asked of a page once bad lines are gone."""
    column = pl.Series(texts, dtype=pl.String)
    yield "c4_lorem_ipsum", column.str.contains("(?i)lorem ipsum").to_numpy()
    yield "c4_curly_bracket", column.str.contains("{", literal=True).to_numpy()
    sentences = column.str.count_matches(_SENTENCE_END).to_numpy()
    yield "c4_few_sentences", sentences < limits.min_sentences


def _fineweb(characters: Characters, limits: FineWeb) -> Verdicts:
    """Penedo et al. 2024, sec. 3.6."""
    lines = characters.lines
    last = characters.codes[lines.stop - 1]
    ended = lines.sums(np.isin(last, _codes(TERMINALS)))
    yield "fineweb_few_punctuated_lines", ended <= limits.min_punctuated_lines * lines.counts
    again = seen_before(characters.hashes(lines), lines.texts)
    chars = lines.sums(again * lines.lengths)
    yield (
        "fineweb_duplicate_line_chars",
        chars >= limits.max_duplicate_line_chars * lines.sums(lines.lengths),
    )
    short = lines.sums(lines.lengths < limits.short_line_chars)
    yield "fineweb_short_lines", short >= limits.max_short_lines * lines.counts


def _first_visible(characters: Characters) -> Codes:
    """Code of the first character of each line that is no white space; lines have one."""
    words = np.searchsorted(characters.words.start, characters.lines.start)
    return characters.codes[characters.words.start[words]]


def _ends_in_ellipsis(characters: Characters) -> Flags:
    stop = characters.lines.stop
    dots = characters.codes == ord(".")
    three = dots[stop - 1] & dots[stop - 2] & dots[stop - 3] & (characters.lines.lengths >= 3)
    return three | (characters.codes[stop - 1] == ord("…"))


def _stop_words(texts: Sequence[str]) -> Ints:
    """How many of STOP_WORDS each text has; capitals count as small letters."""
    column = pl.Series(texts, dtype=pl.String)
    found = np.zeros(len(texts), np.int64)
    for word in STOP_WORDS:
        found += column.str.contains(rf"(?i)(?-u:\b){word}(?-u:\b)").to_numpy()
    return found


def _codes(characters: str) -> Codes:
    return np.array([ord(c) for c in characters], np.uint32)
