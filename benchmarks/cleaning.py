"""Cleaning: speed, and decisions beside datatrove's filters and a second language detector.

Needs real texts (GPTPATH_SHARED_DATA) and, for the comparisons, `datatrove[processing]` with spacy
and nltk, and py3langid, best in an environment of their own:

    POLARS_MAX_THREADS=1 PYTHONPATH=src python benchmarks/cleaning.py
"""

import gzip
import json
import os
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from gptpath.config.cleaning import Cleaning, QualityRules
from gptpath.text.clean.cleaning import clean, clean_frame, normalise_frame
from gptpath.text.clean.language import detect_language, language_reasons
from gptpath.text.clean.quality import quality_reasons
from gptpath.text.documents import COLUMNS, SCHEMA

DATA = Path(os.environ.get("GPTPATH_SHARED_DATA", "../shared/data"))
PART_CHARS = 4000
SIDE_BY_SIDE_TEXTS = 1500


def main() -> None:
    texts = [clean(text) for text in read_texts()]
    ascii_texts = [text for text in texts if text.isascii()]
    print(f"{len(texts)} texts, {size(texts):.1f} MB; ASCII {size(ascii_texts):.1f} MB")
    speed("ASCII", ascii_texts)
    speed("other", [text for text in texts if not text.isascii()])
    parts_of_the_time(ascii_texts)
    step = max(len(texts) // SIDE_BY_SIDE_TEXTS, 1)
    beside_datatrove(texts[::step])
    languages()


def read_texts() -> Iterator[str]:
    """Parts of books; whole passages of examinations, questions and encyclopaedia articles."""
    for path in sorted(DATA.glob("books/english_novels/*.gz"))[:20]:
        book = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        yield from (book[i : i + PART_CHARS] for i in range(0, len(book), PART_CHARS))
    for name, key in (("race/race.jsonl.gz", "article"), ("boolq/boolq.jsonl.gz", "query")):
        with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
            yield from dict.fromkeys(json.loads(line)[key] for line in lines)
    for path in sorted((DATA / "nltk_web").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(".txt")):
                web = archive.read(name).decode("latin-1")
                yield from (web[i : i + PART_CHARS] for i in range(0, len(web), PART_CHARS))


def size(texts: list[str]) -> float:
    """MB in UTF-8."""
    return sum(len(text.encode()) for text in texts) / 1e6


def seconds(work: Callable[[], Any], times: int = 3) -> float:
    """Least processor time of a few runs; the first one warms up."""
    taken: list[float] = []
    for _ in range(times + 1):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken[1:])


def speed(name: str, texts: list[str]) -> None:
    columns = {column: texts if column == "text" else [""] * len(texts) for column in COLUMNS}
    frame = pl.DataFrame(columns, schema=SCHEMA)
    every = ("gopher", "c4", "fineweb")
    for what, settings in (
        ("normalise, length, letters", Cleaning()),
        ("+ language", Cleaning(languages=("en",))),
        ("+ language + gopher", Cleaning(languages=("en",), quality=("gopher",))),
        (
            "+ all rules + masks",
            Cleaning(languages=("en",), quality=every, mask=("email", "ip")),
        ),
    ):
        taken = seconds(lambda s=settings: clean_frame(frame, s))
        print(f"{name:6} {what:28} {size(texts) / taken:7.1f} MB/s of one core")


def parts_of_the_time(texts: list[str]) -> None:
    frame = pl.DataFrame({"text": texts})
    english = Cleaning(languages=("en",), quality=("gopher",))
    parts = {
        "normalise": seconds(lambda: normalise_frame(frame, english)),
        "CLD2": seconds(lambda: language_reasons(texts, english)),
        "gopher": seconds(lambda: quality_reasons(texts, english)),
    }
    for part, taken in parts.items():
        print(f"{part:10} {1000 * taken / size(texts):6.1f} ms/MB")


def beside_datatrove(texts: list[str]) -> None:
    try:
        from datatrove.data import Document
        from datatrove.pipeline.filters import (
            C4QualityFilter,
            FineWebQualityFilter,
            GopherQualityFilter,
            GopherRepetitionFilter,
        )
    except ImportError:
        print("datatrove is not here: no comparison of rules")
        return
    quality, repetition = GopherQualityFilter(), GopherRepetitionFilter()
    c4 = C4QualityFilter(min_num_sentences=3, min_words_per_line=5)
    fineweb = FineWebQualityFilter(char_duplicates_ratio=0.1)
    # There a comma is a word without letters.
    without_letters_rule = GopherQualityFilter(max_non_alpha_words_ratio=None)
    rules: tuple[tuple[QualityRules, tuple[Any, ...]], ...] = (
        ("gopher", (quality, repetition)),
        ("gopher", (without_letters_rule, repetition)),
        ("c4", (c4,)),
        ("fineweb", (fineweb,)),
    )
    for name, filters in rules:
        settings = Cleaning(quality=(name,))
        frame = normalise_frame(pl.DataFrame({"text": texts}), settings)
        ours = quality_reasons(frame["text"].to_list(), settings)

        def theirs(filters: tuple[Any, ...] = filters) -> list[str]:
            reasons: list[str] = []
            for text in texts:
                answers = (f.filter(Document(text=text, id="")) for f in filters)
                reasons.append(next((a[1] for a in answers if a is not True), ""))
            return reasons

        start = time.process_time()
        peer = theirs()
        peer_speed = size(texts) / (time.process_time() - start)
        our_speed = size(texts) / seconds(lambda s=settings: quality_reasons(texts, s))
        same = sum(bool(a) == bool(b) for a, b in zip(ours, peer, strict=True)) / len(texts)
        print(
            f"{name:8} {our_speed:6.1f} MB/s, datatrove {peer_speed:5.2f} MB/s; dropped "
            f"{share(ours)} and {share(peer)} of {len(texts)}, same verdict {same:.2%}"
        )
        split = Counter((a, b) for a, b in zip(ours, peer, strict=True) if bool(a) != bool(b))
        for (a, b), count in split.most_common(4):
            print(f"    {count:5} ours {a or 'kept':32} datatrove {b or 'kept'}")


def share(reasons: list[str]) -> str:
    return f"{sum(map(bool, reasons)) / len(reasons):.2%}"


def languages() -> None:
    detectors: dict[str, Callable[[str], str]] = {"CLD2": lambda t: detect_language(t).code}
    try:
        import py3langid

        detectors["py3langid"] = lambda text: py3langid.classify(text)[0]
    except ImportError:
        print("py3langid is not here: no second detector")
    for lines in (1, 2, 5, 10):
        items: list[tuple[str, str]] = []
        for code in ("en", "fr"):
            path = DATA / "multi30k_en_fr" / f"test_2016_flickr.{code}.gz"
            captions = gzip.decompress(path.read_bytes()).decode().splitlines()
            items += [
                (" ".join(captions[i : i + lines]), code) for i in range(0, len(captions), lines)
            ]
        for name, detect in detectors.items():
            right = sum(detect(text) == code for text, code in items)
            taken = seconds(lambda d=detect, ts=items: [d(t) for t, _ in ts], times=1)
            print(
                f"{name:10} {lines:3} captions: {right / len(items):7.2%} of {len(items)} right, "
                f"{size([t for t, _ in items]) / taken:5.1f} MB/s"
            )


if __name__ == "__main__":
    main()
