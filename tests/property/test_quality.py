"""The rules over arrays against the same rules written text by text, as one reads them."""

import gzip
import re
import unicodedata
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptpath.config.cleaning import Cleaning, Gopher
from gptpath.text.clean.characters import lay_out, letter_shares
from gptpath.text.clean.cleaning import clean
from gptpath.text.clean.quality import BULLETS, STOP_WORDS, TERMINALS, quality_reasons
from tests.shared_data import REAL

BOOKS = sorted(REAL.glob("books/english_novels/*.txt.gz"))[:6]
ALL = ("gopher", "c4", "fineweb")


def plain_reason(text: str, cleaning: Cleaning) -> str:
    """First rule that hits."""
    for rule_set, rules in (("gopher", plain_gopher), ("c4", plain_c4), ("fineweb", plain_fineweb)):
        if rule_set in cleaning.quality:
            for reason, hit in rules(text, getattr(cleaning, rule_set)):
                if hit:
                    return f"{rule_set}_{reason}"
    return ""


def plain_gopher(text, limits):
    words = text.split()
    lines = [line for line in text.split("\n") if line.strip()]
    n = len(words)
    yield "few_words", n < limits.min_words
    yield "many_words", n > limits.max_words
    mean = sum(map(len, words)) / max(n, 1)
    yield "short_words", mean < limits.min_mean_word_length
    yield "long_words", mean > limits.max_mean_word_length
    yield "hash_signs", text.count("#") > limits.max_symbols_per_word * n
    ellipses = text.count("...") + text.count("…")
    yield "ellipses", ellipses > limits.max_symbols_per_word * n
    bullets = sum(line.lstrip()[0] in BULLETS for line in lines)
    yield "bullet_lines", bullets > limits.max_bullet_lines * len(lines)
    trailing = sum(line.endswith(("...", "…")) for line in lines)
    yield "ellipsis_lines", trailing > limits.max_ellipsis_lines * len(lines)
    lettered = sum(any(map(str.isalpha, word)) for word in words)
    yield "words_without_letters", lettered < limits.min_words_with_letters * n
    stop_words = sum(bool(re.search(rf"(?ai)\b{w}\b", text)) for w in STOP_WORDS)
    yield "few_stop_words", stop_words < limits.min_stop_words
    paragraphs = [p for p in text.split("\n\n") if p.strip()]
    for things, name in ((paragraphs, "paragraph"), (lines, "line")):
        seen, again = set(), []
        for thing in things:
            again += [thing] if thing in seen else []
            seen.add(thing)
        most = getattr(limits, f"max_duplicate_{name}s")
        yield f"duplicate_{name}s", len(again) > most * len(things)
        most = getattr(limits, f"max_duplicate_{name}_chars")
        yield f"duplicate_{name}_chars", sum(map(len, again)) > most * len(text)
    yield (
        "top_ngram",
        any(
            top_chars(words, n) > limit * len(text)
            for n, limit in enumerate(limits.max_top_ngram_chars, start=2)
        ),
    )
    yield (
        "duplicate_ngrams",
        any(
            repeated_chars(words, n) > limit * len(text)
            for n, limit in enumerate(limits.max_duplicate_ngram_chars, start=5)
        ),
    )


def top_chars(words, n):
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    most = max(counts.values(), default=0)
    return max((most * len(" ".join(g)) for g, c in counts.items() if c == most > 1), default=0)


def repeated_chars(words, n):
    seen, covered = set(), set()
    for i in range(len(words) - n + 1):
        gram = tuple(words[i : i + n])
        if gram in seen:
            covered.update(range(i, i + n))
        seen.add(gram)
    return sum(len(words[i]) for i in covered)


def plain_c4(text, limits):
    yield "lorem_ipsum", "lorem ipsum" in text.lower()
    yield "curly_bracket", "{" in text
    sentences = re.findall(r"""[.!?]["')\]”’]*(?:\s|$)""", text)
    yield "few_sentences", len(sentences) < limits.min_sentences


def plain_fineweb(text, limits):
    lines = [line for line in text.split("\n") if line.strip()]
    ended = sum(line[-1] in TERMINALS for line in lines)
    yield "few_punctuated_lines", ended <= limits.min_punctuated_lines * len(lines)
    again = sum(len(line) for i, line in enumerate(lines) if line in lines[:i])
    total = sum(map(len, lines))
    yield "duplicate_line_chars", again >= limits.max_duplicate_line_chars * total
    short = sum(len(line) < limits.short_line_chars for line in lines)
    yield "short_lines", short >= limits.max_short_lines * len(lines)


words = st.sampled_from(
    [
        "the",
        "of",
        "Having",
        "with",
        "a",
        "cat.",
        "é",
        "#",
        "...",
        "end…",
        "{",
        "12",
        "-",
        "•",
        "日本",
    ]
)
gaps = st.sampled_from([" ", " ", " ", "  ", "\u00a0", "\n", "\n\n", ".\n"])
passages = st.lists(st.tuples(words, gaps), max_size=30).map(lambda p: "".join(a + b for a, b in p))
documents = st.builds(
    lambda parts: clean("".join(parts)),
    st.lists(passages, min_size=1, max_size=3).flatmap(
        lambda few: st.lists(st.sampled_from(few), min_size=1, max_size=6)
    ),
)
# Every rule is reached only if those before it can be turned off.
lenient = Gopher(
    min_words=0,
    min_mean_word_length=0,
    max_symbols_per_word=1,
    min_words_with_letters=0,
    min_stop_words=0,
    max_duplicate_lines=1,
    max_duplicate_line_chars=1,
    max_duplicate_paragraphs=1,
    max_duplicate_paragraph_chars=1,
)
only_duplicates = Gopher(
    min_words=0,
    min_mean_word_length=0,
    max_symbols_per_word=1,
    min_words_with_letters=0,
    min_stop_words=0,
    max_duplicate_lines=1,
    max_duplicate_line_chars=1,
    max_duplicate_paragraphs=1,
    max_duplicate_paragraph_chars=1,
    max_top_ngram_chars=(1, 1, 1),
)


@settings(max_examples=120, deadline=None)
@given(
    texts=st.lists(documents, min_size=1, max_size=8),
    gopher=st.sampled_from(
        [Gopher(), Gopher(min_words=5, min_stop_words=1), lenient, only_duplicates]
    ),
    rules=st.sampled_from([("gopher",), ("c4",), ("fineweb",), ALL]),
)
def test_rules_over_arrays_are_the_rules_as_one_reads_them(texts, gopher, rules):
    cleaning = Cleaning(quality=rules, gopher=gopher)
    assert quality_reasons(texts, cleaning) == [plain_reason(t, cleaning) for t in texts]


def combines(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_words_lines_and_letters_are_python_s(texts):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    characters = lay_out(texts)
    for spans, cut in (
        (characters.words, str.split),
        (characters.lines, lambda t: [line for line in t.split("\n") if line.strip()]),
    ):
        joined = "\n".join(texts)
        found = [joined[a:b] for a, b in zip(spans.start, spans.stop, strict=True)]
        bounds = spans.bounds
        assert [found[a:b] for a, b in pairwise(bounds)] == list(map(cut, texts))
    visible = ["".join(c for c in text if not (c.isspace() or combines(c))) for text in texts]
    assert letter_shares(texts).tolist() == [
        sum(map(str.isalpha, v)) / len(v) if v else 1.0 for v in visible
    ]


@pytest.mark.skipif(not BOOKS, reason="no books here")
@pytest.mark.parametrize("size", [600, 5000])
def test_rules_over_arrays_are_the_plain_ones_on_books(size):
    texts = [gzip.decompress(path.read_bytes()).decode("utf-8", "replace") for path in BOOKS]
    parts = [clean(text[i : i + size]) for text in texts for i in range(0, 60_000, size)]
    strict = Gopher(max_top_ngram_chars=(0.03,) * 3, max_duplicate_ngram_chars=(0.01,) * 6)
    found = []
    for gopher in (Gopher(), strict):
        cleaning = Cleaning(quality=ALL, gopher=gopher)
        found += quality_reasons(parts, cleaning)
        assert found[-len(parts) :] == [plain_reason(part, cleaning) for part in parts]
    assert len(set(found)) >= 3
