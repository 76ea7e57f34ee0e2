import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from gptpath.config.cleaning import Cleaning
from gptpath.config.ingest import Files, Ingest
from gptpath.errors import CorpusError
from gptpath.events import Progress, ignore
from gptpath.text import cleaned_pieces, fates
from gptpath.text.corpus import DROPPED_FILE, Corpus, build_corpus, list_work, publish
from gptpath.text.corpus_metrics import corpus_metrics
from gptpath.text.documents import Document, read_documents, shard_paths
from gptpath.text.sources import listing
from gptpath.text.sources.files import FilesSource
from gptpath.text.splits import SPLITS
from tests.books import text, tree, write_books


def ingest(**changes) -> Ingest:
    values = {
        "sources": (Files(part_chars=1500),),
        "cleaning": Cleaning(min_chars=20),
        "validation_fraction": 0.2,
        "tasks_fraction": 0.2,
    } | changes
    return Ingest(**values)  # pyright: ignore[reportArgumentType]


def build(raw: Path, scratch: Path, emit=ignore, **changes) -> Corpus:
    settings = ingest(**changes)
    with ThreadPoolExecutor(2) as executor:
        return build_corpus(
            settings,
            list_work(settings, raw),
            seed=1,
            scratch=scratch,
            executor=executor,
            emit=emit,
        )


def documents(corpus: Corpus) -> dict[str, list]:
    return {split: read_documents(corpus.folder / split) for split in SPLITS}


@pytest.fixture
def raw(tmp_path) -> Path:
    return write_books(tmp_path / "raw", 12)


@pytest.fixture
def scratch(tmp_path) -> Path:
    return tmp_path / "scratch"


def test_all_parts_of_a_file_are_in_one_split(raw, scratch):
    corpus = build(raw, scratch)
    owners = {
        split: {d.location.split("#")[0] for d in found}
        for split, found in documents(corpus).items()
    }
    assert all(owners.values())
    assert sum(map(len, owners.values())) == len(set.union(*owners.values())) == 12


def test_every_document_is_kept_or_counted_under_a_reason(raw, scratch):
    (raw / "copy.txt").write_text((raw / "book001.txt").read_text().upper())
    (raw / "tiny.txt").write_text("Tiny.")
    (raw / "numbers.txt").write_text("1 2 3 4 5 6 7 8 9 10 11 12 13")
    (raw / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    corpus = build(raw, scratch, sources=(Files(part_chars=100_000),))
    kept = sum(size.documents for size in corpus.splits.values())
    assert (corpus.read, kept) == (15, 12)
    assert corpus.dropped["duplicate"] == corpus.dropped["file_binary"] == 1
    assert corpus.read - kept == corpus.dropped.total() - corpus.dropped["file_binary"]


def test_a_sample_of_what_was_dropped_shows_place_reason_and_text(raw, scratch):
    original = (raw / "book001.txt").read_text()
    (raw / "copy.txt").write_text(original.upper())
    (raw / "tiny.txt").write_text("Tiny.")
    corpus = build(raw, scratch, sources=(Files(part_chars=100_000),))
    rows = {r["reason"]: r for r in pl.read_parquet(corpus.folder / DROPPED_FILE).to_dicts()}
    assert rows["too_short"]["location"] == "tiny.txt"
    assert rows["too_short"]["text"] == "Tiny."
    twins = {d.id: d for found in documents(corpus).values() for d in found}
    twin = twins[rows["duplicate"]["duplicate_of"]]
    assert {twin.location, rows["duplicate"]["location"]} == {"book001.txt", "copy.txt"}
    assert rows["duplicate"]["text"].lower() == original[:200].lower()
    assert rows["duplicate"]["id"] > twin.id


def test_no_text_is_in_two_splits_and_ids_ascend_over_all_shards(raw, scratch, monkeypatch):
    monkeypatch.setattr(fates, "SHARD_BYTES", 4000)
    corpus = build(raw, scratch)
    texts = [d.text for found in documents(corpus).values() for d in found]
    assert len(texts) == len(set(texts))
    assert len(shard_paths(corpus.folder / "train")) > 3
    ids = [d.id for d in read_documents(corpus.folder / "train")]
    assert ids == sorted(ids)


def test_one_book_alone_is_split_by_its_parts(raw, scratch):
    assert all(documents(build(raw / "book000.txt", scratch)).values())


def test_a_text_too_small_to_fill_the_splits_is_refused(tmp_path, scratch):
    (tmp_path / "a.txt").write_text("Only one short paragraph of words.")
    with pytest.raises(CorpusError, match="cannot fill the 3 splits"):
        build(tmp_path / "a.txt", scratch)


def test_a_source_without_usable_text_is_refused_with_the_reasons(raw, scratch):
    (raw / "b").mkdir()
    (raw / "b" / "README.md").write_text("About.")
    sources = (Files(name="a", path="book000.txt"), Files(name="b", path="b"))
    with pytest.raises(CorpusError, match=r"'b' has no usable text \(1 file_about_the_data\)"):
        build(raw, scratch, sources=sources)


def test_units_pieces_and_batches_change_no_byte(raw, tmp_path, monkeypatch):
    whole = build(raw, tmp_path / "whole")
    monkeypatch.setattr(listing, "UNIT_BYTES", 10_000)
    monkeypatch.setattr(cleaned_pieces, "PIECE_BYTES", 3000)
    monkeypatch.setattr(cleaned_pieces, "BATCH_DOCUMENTS", 3)
    cut = build(raw, tmp_path / "cut")
    assert len(cut.decisions.fates) > len(whole.decisions.fates) == 1
    assert tree(cut.folder) == tree(whole.folder)


def test_a_mixture_has_its_bytes_in_the_weights_asked_for(tmp_path, scratch):
    raw = tmp_path / "raw"
    write_books(raw / "many", 40)
    write_books(raw / "few", 10, first=100)
    write_books(raw / "all", 5, first=200)
    sources = (
        Files(name="many", path="many", part_chars=300, weight=1.0),
        Files(name="few", path="few", part_chars=300, weight=2.0),
        Files(name="all", path="all", part_chars=300),
    )
    corpus = build(raw, scratch, sources=sources)
    found = corpus_metrics(corpus, ingest(sources=sources))["sources"]
    assert found["few"]["kept_fraction"] == found["all"]["kept_fraction"] == 1
    assert found["many"]["bytes"] == pytest.approx(found["few"]["bytes"] / 2, rel=0.15)
    assert found["all"]["documents"] == found["all"]["read"]
    thinned = found["many"]["read"] - found["many"]["documents"]
    assert corpus.dropped == {"thinned_by_weight": thinned}


def test_metrics_tell_bytes_and_documents_of_each_source_and_group(raw, scratch):
    corpus = build(raw, scratch)
    metrics = corpus_metrics(corpus, ingest())
    kept = [d for found in documents(corpus).values() for d in found]
    own = [d for d in kept if d.group == "book007"]
    entry = metrics["sources"]["files"]
    assert entry["groups"]["book007"] == {
        "documents": len(own),
        "bytes": sum(len(d.text.encode()) for d in own),
    }
    assert (entry["documents"], entry["share"], entry["other_groups"]) == (len(kept), 1.0, 0)
    assert entry["bytes"] == sum(metrics["bytes"].values())


def test_a_text_with_half_a_surrogate_pair_is_mended(raw, scratch, monkeypatch):
    read = FilesSource.read

    def with_surrogates(self, unit):
        for one in read(self, unit):
            yield Document(
                text="\ud83d " + one.text,
                source="files",
                kind="files",
                location=one.location,
                group="g",
            )

    monkeypatch.setattr(FilesSource, "read", with_surrogates)
    corpus = build(raw, scratch)
    assert all("\ufffd " in d.text for d in documents(corpus)["train"])


def test_progress_tells_every_phase(raw, scratch):
    events: list = []
    build(raw, scratch, emit=events.append)
    last = {event.what: event for event in events if isinstance(event, Progress)}
    assert {"units read and cleaned", "pieces scattered", "shards written"} <= set(last)
    assert all(event.done == event.total for event in last.values())


def test_publishing_replaces_an_older_corpus_and_leaves_half_files_out(raw, scratch, tmp_path):
    corpus = build(raw, scratch)
    (corpus.folder / "train" / ".00000.parquet.1.tmp").write_text("half a file")
    (tmp_path / "data" / "old").mkdir(parents=True)
    publish(corpus, tmp_path / "data")
    assert set(tree(tmp_path / "data")) == {
        DROPPED_FILE,
        *(f"{split}/00000.parquet" for split in SPLITS),
    }


def test_near_copies_of_a_text_never_straddle_splits(tmp_path, scratch):
    for book in range(30):
        sentences = text(book, 3).split(". ")
        (tmp_path / "raw").mkdir(exist_ok=True)
        (tmp_path / "raw" / f"a{book}.txt").write_text(". ".join(sentences))
        random.Random(book).shuffle(sentences[:2])
        copy = [*sentences[:-1], "The end is another one here."]
        (tmp_path / "raw" / f"b{book}.txt").write_text(". ".join(copy))
    corpus = build(tmp_path / "raw", scratch, sources=(Files(part_chars=100_000),))
    seen: dict[str, str] = {}
    for split, found in documents(corpus).items():
        for document in found:
            assert seen.setdefault(document.group[1:], split) == split
