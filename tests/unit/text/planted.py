"""Texts with planted near-duplicates, and Jaccard indices by brute force: plain Python sets."""

import random
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from gptpath.text.duplicates.shingles import UNSPACED


def words_of(text: str) -> list[str]:
    """Words as docs/duplicates.md defines them, one character after the other."""
    words: list[str] = []
    inside = False
    for character in text:
        alone = any(low <= ord(character) <= high for low, high in UNSPACED)
        small = character.lower() if len(character.lower()) == 1 else character
        if not character.isalnum():
            inside = False
        elif alone or not inside:
            words.append(small)
            inside = not alone
        else:
            words[-1] += small
    return words


def shingles_of(text: str, n: int) -> set[tuple[str, ...]]:
    words = words_of(text)
    if len(words) < n:
        return {tuple(words)} if words else set()
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def jaccard_of(a: str, b: str, n: int) -> float:
    first, second = shingles_of(a, n), shingles_of(b, n)
    return len(first & second) / len(first | second)


def edited(text: str, share: float, rng: random.Random, vocabulary: Sequence[str]) -> str:
    """A copy with about this share of its words changed: substituted, deleted, added or moved."""
    words = text.split(" ")
    for _ in range(max(1, round(share * len(words)))):
        place = rng.randrange(len(words))
        match rng.randrange(8):
            case 0 | 1 | 2:
                words[place] = rng.choice(vocabulary)
            case 3 | 4:
                del words[place]
            case 5 | 6:
                words.insert(place, rng.choice(vocabulary))
            case _:
                block = words[place : place + 10]
                del words[place : place + 10]
                target = rng.randrange(len(words) + 1)
                words[target:target] = block
    return " ".join(words)


def random_texts(count: int, *, words: int, seed: int) -> list[str]:
    """Texts that have next to nothing in common."""
    rng = random.Random(seed)
    vocabulary = [f"w{n}" for n in range(5000)]
    return [" ".join(rng.choices(vocabulary, k=words)) for _ in range(count)]


def write_shards(folder: Path, documents: dict[str, str], *, shards: int) -> list[Path]:
    """Documents by id, dealt out to parquet shards in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    items = list(documents.items())
    paths: list[Path] = []
    for number in range(shards):
        some = items[number::shards]
        frame = pl.DataFrame(
            {"id": [i for i, _ in some], "text": [t for _, t in some]},
            schema={"id": pl.String, "text": pl.String},
        )
        paths.append(folder / f"{number:05d}.parquet")
        frame.write_parquet(paths[-1])
    return paths
