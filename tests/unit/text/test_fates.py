import polars as pl
import pytest

from gptpath.config.ingest import Files, Ingest
from gptpath.errors import CorpusError
from gptpath.text import fates as module
from gptpath.text.cleaned_pieces import FACTS, Piece
from gptpath.text.documents import write_frame
from gptpath.text.fates import FATES, decide

INGEST = Ingest(
    sources=(Files(name="a", weight=1.0), Files(name="b", weight=1.0)),
    validation_fraction=0.2,
    tasks_fraction=0.2,
)


def piece(folder, source: str, rows: list[tuple[int, int, int]]) -> Piece:
    """A piece of documents given as (id, unit, bytes)."""
    made = Piece(folder=folder, name=f"{source}-{rows[0][0]}", source=source, rows=len(rows))
    write_frame(made.facts, pl.DataFrame(rows, schema=FACTS, orient="row"))
    return made


def table(folder, rows: list[tuple[int, str | None, int]]):
    """A table of duplicates given as (id, reason, family)."""
    data = [(f"{id_:016x}", reason, f"{family:016x}") for id_, reason, family in rows]
    schema = {"id": pl.String, "reason": pl.String, "family": pl.String}
    frame = pl.DataFrame(data, schema=schema, orient="row").sort("id", maintain_order=True)
    write_frame(folder / "duplicates.parquet", frame)
    return folder / "duplicates.parquet"


def names(decisions) -> list[list[str]]:
    return [[FATES[fate] for fate in fates] for fates in decisions.fates]


def test_each_document_has_the_fate_of_its_own_row_whatever_the_order(tmp_path):
    pieces = [
        piece(tmp_path, "a", [(n, n, 10) for n in range(90, 0, -1)]),
        piece(tmp_path, "b", [(n, n, 10) for n in range(100, 190)]),
    ]
    rows = [(n, None, n) for n in [*range(1, 91), *range(100, 190)]]
    rows[4], rows[-1] = (5, "near_duplicate", 4), (189, "duplicate", 100)
    found = names(decide(pieces, table(tmp_path, rows), INGEST, seed=1))
    assert found[0][85] == "near_duplicate"
    assert found[1][89] == "duplicate"
    assert sum(fate.endswith("duplicate") for fates in found for fate in fates) == 2
    assert {"train", "validation", "tasks"} <= {fate for fates in found for fate in fates}


def test_of_a_document_read_twice_the_first_is_kept(tmp_path):
    rows = [(n, n, 10) for n in (1, 2, 3, 4, 5, 2)]
    pieces = [piece(tmp_path, "a", rows), piece(tmp_path, "b", [(9, 9, 50)])]
    duplicates = [(n, None, n) for n in (1, 2, 3, 4, 5, 9)] + [(2, "duplicate", 2)]
    found = names(decide(pieces, table(tmp_path, duplicates), INGEST, seed=1))
    assert found[0][5] == "duplicate"
    assert found[0][1] in ("train", "validation", "tasks")


def test_the_number_of_shards_follows_the_bytes_that_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARD_BYTES", 1000)
    pieces = [
        piece(tmp_path, source, [(n, n, 100) for n in range(first, first + 200)])
        for source, first in (("a", 1), ("b", 1000))
    ]
    rows = [(n, None, n) for n in [*range(1, 201), *range(1000, 1200)]]
    decisions = decide(pieces, table(tmp_path, rows), INGEST, seed=1)
    found = [fate for fates in names(decisions) for fate in fates]
    for split, shards in decisions.shards.items():
        assert shards == -(-100 * found.count(split) // 1000)


def test_a_weight_of_a_source_of_which_nothing_is_left_is_refused(tmp_path):
    pieces = [
        piece(tmp_path, "a", [(n, n, 9) for n in range(9)]),
        piece(tmp_path, "b", [(9, 9, 9)]),
    ]
    rows = [(n, None, n) for n in range(9)] + [(9, "duplicate", 1)]
    with pytest.raises(CorpusError, match="nothing of the source 'b' is left"):
        decide(pieces, table(tmp_path, rows), INGEST, seed=1)


def test_a_table_without_some_document_is_refused(tmp_path):
    pieces = [piece(tmp_path, "a", [(1, 1, 9), (2, 2, 9)])]
    with pytest.raises(CorpusError, match="is not about these documents"):
        decide(pieces, table(tmp_path, [(1, None, 1)]), INGEST, seed=1)
