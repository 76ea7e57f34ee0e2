from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
import pytest

from gptpath.config.cleaning import Cleaning
from gptpath.text import cleaned_pieces
from gptpath.text.cleaned_pieces import CleaningTask, clean_unit, pieces_of
from gptpath.text.documents import Document
from gptpath.text.sources.source import Dropped, Unit
from tests.books import text


@dataclass(frozen=True, kw_only=True)
class Given:
    """A source of one unit that holds what it is given."""

    found: list
    name: str = "given"
    reads: list[str] = field(default_factory=list)

    def units(self):
        return [Unit(key="all", parts=(), size=1)]

    def read(self, unit):
        self.reads.append(unit.key)
        yield from self.found


@pytest.fixture
def documents(document):
    return [document(text(n, 2) + " \r\n", source="given", location=f"m:{n}") for n in range(9)]


def task(folder: Path, found: list) -> CleaningTask:
    source = Given(found=found)
    return CleaningTask(
        source=source,
        unit=source.units()[0],
        cleaning=Cleaning(),
        folder=folder,
        number=7,
    )


def test_pieces_hold_the_cleaned_documents_in_order_with_the_ids_of_their_texts(
    tmp_path, documents, monkeypatch
):
    monkeypatch.setattr(cleaned_pieces, "BATCH_DOCUMENTS", 2)
    monkeypatch.setattr(cleaned_pieces, "PIECE_BYTES", 4 * len(documents[0].text))
    unit = clean_unit(task(tmp_path, documents))
    pieces = pieces_of([unit], tmp_path)
    assert len(pieces) > 1
    frame = pl.concat([pl.read_parquet(piece.documents) for piece in pieces])
    expected = [replace(d, text=d.text.rstrip()) for d in documents]
    assert frame["text"].to_list() == [d.text for d in expected]
    assert frame["id"].to_list() == [d.id for d in expected]
    assert [piece.rows for piece in pieces] == list(unit.rows)
    facts = pl.concat([pl.read_parquet(piece.facts) for piece in pieces])
    assert facts["id"].to_list() == facts["unit"].to_list() == [int(d.id, 16) for d in expected]
    assert facts["bytes"].to_list() == [len(d.text.encode()) for d in expected]


def test_parts_of_one_file_are_one_unit_and_another_file_is_another(tmp_path, documents):
    places = ["a.txt#0000", "a.txt#0001", "b.txt"]
    parts = [
        replace(d, kind="files", location=place)
        for d, place in zip(documents, places, strict=False)
    ]
    unit = clean_unit(task(tmp_path, parts))
    [piece] = pieces_of([unit], tmp_path)
    one, two, other = pl.read_parquet(piece.facts)["unit"]
    assert one == two != other


def test_everything_is_counted_and_what_is_finished_is_not_read_again(tmp_path, documents):
    short = replace(documents[0], text="Short.")
    lost = Dropped(location="x.bin", reason="file_binary")
    given = task(tmp_path, [lost, short, *documents])
    unit = clean_unit(given)
    assert (unit.read, unit.dropped) == (10, {"file_binary": 1, "too_short": 1})
    assert unit.read_bytes == sum(len(d.text.encode()) for d in [short, *documents])
    assert clean_unit(given) == unit
    assert given.source.reads == ["all"]


def test_a_unit_without_documents_has_no_piece(tmp_path):
    unit = clean_unit(task(tmp_path, []))
    assert (unit.pieces, unit.read) == ((), 0)


def test_surrogates_are_mended_wherever_they_are(tmp_path, documents):
    odd: Document = replace(documents[0], text="\ud83d\ude00 " + text(1, 2), location="a\udce9.txt")
    unit = clean_unit(task(tmp_path, [odd]))
    [piece] = pieces_of([unit], tmp_path)
    [row] = pl.read_parquet(piece.documents).to_dicts()
    assert row["text"].startswith("😀 ")
    assert row["location"] == "a\ufffd.txt"
