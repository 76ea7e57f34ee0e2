"""Made-up books for tests: varied sentences of common words, fixed by a seed, never the same."""

import random
from pathlib import Path

NOUNS = [
    "ship",
    "captain",
    "harbour",
    "storm",
    "letter",
    "garden",
    "window",
    "river",
    "mountain",
    "village",
    "teacher",
    "market",
    "winter",
    "summer",
    "kitchen",
    "morning",
    "soldier",
    "doctor",
    "forest",
    "castle",
    "island",
    "bridge",
    "church",
    "station",
    "road",
    "horse",
    "sister",
    "brother",
    "mother",
    "father",
    "stranger",
    "neighbour",
    "painter",
    "singer",
    "farmer",
    "sailor",
    "judge",
    "lawyer",
]
VERBS = [
    "watched",
    "followed",
    "carried",
    "remembered",
    "painted",
    "crossed",
    "left",
    "found",
    "lost",
    "praised",
    "feared",
    "visited",
    "described",
    "answered",
    "avoided",
    "admired",
    "reached",
    "opened",
    "closed",
    "repaired",
    "borrowed",
    "promised",
    "sold",
]
ADJECTIVES = [
    "old",
    "quiet",
    "narrow",
    "heavy",
    "bright",
    "distant",
    "familiar",
    "strange",
    "broken",
    "empty",
    "wooden",
    "golden",
    "cheerful",
    "serious",
    "gentle",
    "careful",
    "sudden",
    "lonely",
    "crowded",
    "pleasant",
    "silent",
    "famous",
    "modest",
    "clever",
    "honest",
]


def sentence(rng: random.Random) -> str:
    """One sentence of twelve to twenty words."""
    one, two, three = rng.sample(NOUNS, 3)
    a, b = rng.sample(ADJECTIVES, 2)
    first, then = rng.sample(VERBS, 2)
    end = rng.choice(("in the morning", "before the winter came", "and that was all", "at last"))
    return f"The {a} {one} {first} the {two}, and it {then} a {b} {three} {end}."


def text(seed: int, paragraphs: int = 20) -> str:
    """Paragraphs of five sentences each."""
    rng = random.Random(seed)
    return "\n\n".join(" ".join(sentence(rng) for _ in range(5)) for _ in range(paragraphs))


def write_books(folder: Path, count: int, *, paragraphs: int = 20, first: int = 0) -> Path:
    """Write `count` books as text files and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        (folder / f"book{number:03d}.txt").write_text(text(number, paragraphs))
    return folder


def write_damaged_book(folder: Path) -> Path:
    """Add a long file of damaged text: books whose words' letters are out of order.

    A file is in one split as a whole, which hangs on its name: this one is in that of training.
    """
    rng = random.Random(0)
    words = " ".join(text(100 + number) for number in range(60)).split(" ")
    path = folder / "damaged1.txt"
    path.write_text(" ".join("".join(rng.sample(word, len(word))) for word in words))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Content of every file below a folder, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
