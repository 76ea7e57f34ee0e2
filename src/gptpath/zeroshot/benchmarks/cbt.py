"""The Children's Book Test: its question files, and items of the same form made from raw books.

A question file has blocks of 21 numbered lines and a blank one; the last line of a block is
`21 sentence with XXXXX<TAB>answer<TAB><TAB>candidate|candidate|...`. Raw books have a line
`_BOOK_TITLE_ : name` before each book and one tokenised sentence a line.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gptpath.zeroshot.benchmarks.files import lines_of, read_text
from gptpath.zeroshot.stop_words import WORDS

CONTEXT_SENTENCES = 20
CANDIDATES = 10
GAP = "XXXXX"
_TITLE = "_BOOK_TITLE_ :"
_FUNCTION_WORDS = frozenset(WORDS)
_DETERMINERS = frozenset(
    (
        *("the", "a", "an", "this", "that", "no", "every"),
        *("his", "her", "my", "our", "their", "its", "your"),
    )
)
_COMMON = re.compile(r"[a-z]{3,}")
_NAME = re.compile(r"[A-Z][a-z]{2,}")


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Rows of `sentences` (20), `question`, `answer`, `options` and `id`, as on the hub."""
    blocks = re.split(r"\n\s*\n", read_text(path).replace("\r\n", "\n").strip("\n"))
    return [_question(block) | {"id": f"{n:05d}"} for n, block in enumerate(blocks)]


def _question(block: str) -> dict[str, Any]:
    lines = [line.partition(" ")[2] for line in lines_of(block)]
    parts = lines[-1].split("\t") if lines else []
    if len(lines) != CONTEXT_SENTENCES + 1 or len(parts) < 3:
        return {}
    return {
        "sentences": [line.strip() for line in lines[:-1]],
        "question": parts[0].strip(),
        "answer": parts[1].strip(),
        "options": [option for option in parts[-1].strip().split("|") if option],
    }


def make_questions(path: Path, kind: str, seed: int) -> list[dict[str, Any]]:
    """Rows of the same form from raw books: one question per 21 consecutive sentences.

    `kind` is `NE` (names) or `CN` (common nouns). No tagger is used. A name is a word that the
    book has in mid-sentence, mostly with a capital. A common noun is a word in small letters that
    the book has at least three times, at least three in ten of them right after a determiner, and
    there mostly before a function word or punctuation. The missing word stands in the context as
    well. The other nine candidates are the commonest of its kind in the context; where it has
    fewer (names), the commonest of the book come after them.
    """
    rows: list[dict[str, Any]] = []
    for title, sentences in _books(read_text(path)):
        words = [sentence.split() for sentence in sentences]
        known = _names(words) if kind == "NE" else _nouns(words)
        counts = Counter(word for sentence in words for word in sentence if word in known)
        size = CONTEXT_SENTENCES + 1
        for start in range(0, len(words) - size + 1, size):
            place = f"{title}#{start:05d}"
            row = _made(
                words[start : start + size], counts, random.Random(f"{seed} {kind} {place}")
            )
            if row is not None:
                rows.append(row | {"id": place})
    return rows


def _books(text: str) -> Iterator[tuple[str, list[str]]]:
    for book in text.split(_TITLE)[1:]:
        title, *lines = lines_of(book)
        yield title.strip(), [line.strip() for line in lines if line.strip()]


def _made(
    window: Sequence[Sequence[str]], book: Counter[str], pick: random.Random
) -> dict[str, Any] | None:
    *context, last = window
    seen = Counter(word for sentence in context for word in sentence if word in book)
    places = [n for n, word in enumerate(last) if n and word in seen]
    if not places:
        return None
    place = pick.choice(places)
    answer = last[place]
    # The commonest words of the context are the hardest to tell from the right one.
    others = sorted(
        (word for word in book if word not in last), key=lambda w: (-seen[w], -book[w], w)
    )
    if len(others) < CANDIDATES - 1:
        return None
    options = [answer, *others[: CANDIDATES - 1]]
    pick.shuffle(options)
    return {
        "sentences": [" ".join(sentence) for sentence in context],
        "question": " ".join([*last[:place], GAP, *last[place + 1 :]]),
        "answer": answer,
        "options": options,
    }


def _names(words: Sequence[Sequence[str]]) -> frozenset[str]:
    small = Counter(word for sentence in words for word in sentence if word.islower())
    inner = Counter(word for sentence in words for word in sentence[1:] if _NAME.fullmatch(word))
    return frozenset(
        word
        for word, count in inner.items()
        if count >= 2 and count > small[word.lower()] and word.lower() not in _FUNCTION_WORDS
    )


def _nouns(words: Sequence[Sequence[str]]) -> frozenset[str]:
    total: Counter[str] = Counter()
    determined: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    for sentence in words:
        padded = ["", *sentence, ""]
        for before, word, after in zip(padded, padded[1:], padded[2:], strict=False):
            if _COMMON.fullmatch(word) and word not in _FUNCTION_WORDS:
                total[word] += 1
                if before.lower() in _DETERMINERS:
                    determined[word] += 1
                    closed[word] += not after.isalpha() or after.lower() in _FUNCTION_WORDS
    return frozenset(
        word
        for word, count in total.items()
        if count >= 3 and determined[word] >= 0.3 * count and closed[word] > 0.7 * determined[word]
    )
