from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gptpath.config.ingest import Parquet
from gptpath.errors import CorpusError
from gptpath.text.sources import listing, parquet, records
from gptpath.text.sources.parquet import ParquetSource
from gptpath.text.sources.source import Dropped
from tests.shared_data import REAL


def source(raw: Path, **settings) -> ParquetSource:
    return ParquetSource(settings=Parquet(**settings), raw=raw)


def write(path: Path, rows: int, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame({"text": [f"{path.stem} {n} " + "words " * 50 for n in range(rows)]})
    frame.write_parquet(path, **options)


def test_units_are_row_groups_and_together_the_whole(tmp_path, read_all, monkeypatch):
    write(tmp_path / "small.parquet", 3)
    write(tmp_path / "deep" / "large.parquet", 50, row_group_size=10)
    write(tmp_path / "tiny.parquet", 1)
    (tmp_path / "_SUCCESS").touch()
    whole = read_all(source(tmp_path))
    assert [d.location for d in whole[0]][:2] == ["deep/large.parquet:1", "deep/large.parquet:2"]
    assert len(whole[0]) == 54
    assert whole[1] == [Dropped(location="_SUCCESS", reason=listing.UNSUPPORTED)]
    for module in (listing, parquet):
        monkeypatch.setattr(module, "UNIT_BYTES", 1500)
    cut = source(tmp_path)
    keys = [unit.key for unit in cut.units()]
    assert len([key for key in keys if key.startswith("deep/large.parquet@")]) >= 3
    assert read_all(cut) == whole


def test_rows_are_those_that_polars_reads(tmp_path, read_all):
    (tmp_path / "a").mkdir()
    frame = pl.DataFrame(
        {
            "body": ["x", None, " ", "y"],
            "at": [datetime(2017, 12, n + 1, 5) for n in range(4)],
            "tags": [["b", "a"], [], None, ["c"]],
            "unused": [1, 2, 3, 4],
        }
    )
    frame.write_parquet(tmp_path / "a" / "b.parquet")
    documents, dropped = read_all(
        source(tmp_path, path="a", text_column="body", metadata_columns=("at", "tags"))
    )
    assert [(d.location, d.group, d.text) for d in documents] == [
        ("b.parquet:1", "b", "x"),
        ("b.parquet:4", "b", "y"),
    ]
    assert documents[0].metadata == {"at": "2017-12-01 05:00:00", "tags": '["b", "a"]'}
    assert dropped == [
        Dropped(location="b.parquet:2", reason=records.TEXT_MISSING),
        Dropped(location="b.parquet:3", reason=records.TEXT_EMPTY),
    ]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_type_of_string_is_text(tmp_path, read_all, kind):
    pq.write_table(pa.table({"text": pa.array(["a", "b", "a"]).cast(kind)}), tmp_path / "a.parquet")
    documents, _ = read_all(source(tmp_path))
    assert [d.text for d in documents] == ["a", "b", "a"]


def test_a_missing_column_is_refused_with_those_there_are(tmp_path):
    write(tmp_path / "a.parquet", 1)
    with pytest.raises(CorpusError, match=r"a\.parquet .* no column body, url; it has text"):
        source(tmp_path, text_column="body", url_column="url").units()


def test_a_text_column_of_numbers_is_refused(tmp_path):
    pl.DataFrame({"text": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match="column 'text' of type int64; expected strings"):
        source(tmp_path).units()


def test_damaged_files_are_counted_and_lose_nothing_else(tmp_path, read_all):
    write(tmp_path / "sound.parquet", 2)
    for name in ("cut", "garbled"):
        write(tmp_path / f"{name}.parquet", 600, row_group_size=300, compression="uncompressed")
    content = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "empty.parquet")
    with (tmp_path / "garbled.parquet").open("r+b") as stream:
        footer = pq.read_metadata(tmp_path / "garbled.parquet")
        stream.seek(footer.row_group(1).column(0).data_page_offset)
        stream.write(b"\xff" * 64)
    documents, dropped = read_all(source(tmp_path))
    assert [d.location for d in documents if d.group == "sound"] == [
        "sound.parquet:1",
        "sound.parquet:2",
    ]
    assert [d.location for d in documents if d.group == "garbled"][-1] == "garbled.parquet:300"
    assert dropped == [
        Dropped(location="cut.parquet:1", reason=listing.UNREADABLE),
        Dropped(location="empty.parquet", reason=listing.EMPTY),
        Dropped(location="garbled.parquet:301", reason=listing.UNREADABLE),
    ]


def test_a_string_that_is_no_utf8_is_one_counted_drop(tmp_path, read_all):
    raw = pa.array([b"one", b"\xff\xfe", b"three"], pa.binary())
    text = pa.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2])
    pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet")
    documents, dropped = read_all(source(tmp_path))
    assert [d.text for d in documents] == ["one", "three"]
    assert dropped == [Dropped(location="a.parquet:2", reason=records.NOT_UTF8)]


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("s"), pa.duration("s")])
def test_a_date_that_python_cannot_hold_is_missing_and_loses_nothing_else(tmp_path, read_all, kind):
    dates = pa.array([18_000, 2**31 - 1 if kind == pa.date32() else 2**50, None, 18_001], kind)
    pq.write_table(pa.table({"text": list("abcd"), "date": dates}), tmp_path / "a.parquet")
    documents, dropped = read_all(source(tmp_path, metadata_columns=("date",)))
    assert [d.text for d in documents] == list("abcd")
    known = [str(dates[row].as_py()) for row in (0, 3)]
    assert [d.metadata.get("date") for d in documents] == [known[0], None, None, known[1]]
    assert dropped == []


def test_real_rows_are_those_that_pyarrow_reads(tmp_path, read_all):
    if not (REAL / "boolq").is_dir():
        pytest.skip("the published data sets are not here")
    table = pl.read_ndjson(REAL / "boolq" / "boolq.jsonl.gz").select("query")
    table.write_parquet(tmp_path / "boolq.parquet", row_group_size=500)
    documents, dropped = read_all(source(tmp_path, text_column="query"))
    expected = pq.read_table(tmp_path / "boolq.parquet")["query"].to_pylist()
    assert [d.text for d in documents] == expected == table["query"].to_list()
    assert not dropped
    assert len(expected) == 3270
