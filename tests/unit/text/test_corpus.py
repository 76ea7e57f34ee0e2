from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gptpath.config.cleaning import Cleaning
from gptpath.config.ingest import Files, Ingest
from gptpath.errors import CorpusError
from gptpath.events import ignore
from gptpath.text import corpus as module
from gptpath.text.corpus import build_corpus


def ingest(part_chars: int = 400, **changes) -> Ingest:
    values = {
        "sources": (Files(part_chars=part_chars),),
        "cleaning": Cleaning(min_chars=20),
        "validation_fraction": 0.2,
        "tasks_fraction": 0.2,
    } | changes
    return Ingest(**values)  # pyright: ignore[reportArgumentType]


def build(raw: Path, **changes):
    with ThreadPoolExecutor(2) as executor:
        return build_corpus(ingest(**changes), raw=raw, seed=1, executor=executor, emit=ignore)


@pytest.fixture
def raw(tmp_path) -> Path:
    for n in range(12):
        paragraphs = [f"Book {n} has paragraph {m} with some words in it." for m in range(40)]
        (tmp_path / f"book{n}.txt").write_text("\n\n".join(paragraphs))
    return tmp_path


def test_all_parts_of_a_file_are_in_one_split(raw):
    corpus = build(raw)
    files = {
        split: {d.location.split("#")[0] for d in documents}
        for split, documents in corpus.splits.items()
    }
    assert sum(map(len, files.values())) == len(set.union(*files.values())) == 12
    assert all(files.values())
    assert all("#" in d.location for documents in corpus.splits.values() for d in documents)


def test_every_document_is_kept_or_counted_under_a_reason(raw):
    (raw / "copy.txt").write_text((raw / "book1.txt").read_text().upper())
    (raw / "tiny.txt").write_text("Tiny.")
    (raw / "numbers.txt").write_text("1 2 3 4 5 6 7 8 9 10 11 12 13")
    corpus = build(raw, part_chars=100_000)
    assert corpus.dropped == {"duplicate": 1, "too_short": 1, "few_letters": 1}
    kept = sum(map(len, corpus.splits.values()))
    assert corpus.read == kept + corpus.dropped.total() == 15


def test_no_text_is_in_two_splits(raw):
    corpus = build(raw)
    texts = [d.text for documents in corpus.splits.values() for d in documents]
    assert len(texts) == len(set(texts))


def test_one_book_alone_is_split_by_its_parts(raw):
    corpus = build(raw / "book0.txt")
    assert all(corpus.splits.values())


def test_a_text_too_small_to_fill_the_splits_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("Only one short paragraph of words.")
    with pytest.raises(CorpusError, match="cannot fill the 3 splits"):
        build(tmp_path)


def test_batches_of_cleaning_change_nothing(raw, monkeypatch):
    whole = build(raw)
    monkeypatch.setattr(module, "_CLEANING_BATCH", 3)
    assert build(raw) == whole
