from itertools import chain

import polars as pl
import pytest

from gptpath.errors import CorpusError
from gptpath.text import documents as module
from gptpath.text.documents import (
    COLUMNS,
    as_frame,
    count_documents,
    read_documents,
    read_texts,
    shard_name,
    shard_paths,
    write_documents,
    write_frame,
)


def test_an_id_depends_on_place_and_text_but_not_on_the_version(document):
    one = document("Some words.")
    assert one.id == document("Some words.", licence="MIT").id
    others = [document("Other words."), document(group="b"), document(location="a.b:d")]
    assert len({one.id, *(other.id for other in others)}) == 4


def test_documents_come_back_in_id_order_with_all_their_fields(tmp_path, document):
    given = [document(f"Text {n} with é.", location=f"m:{n}", licence="MIT") for n in range(30)]
    write_documents(tmp_path / "x" / "train", given)
    assert read_documents(tmp_path / "x" / "train") == sorted(given, key=lambda d: d.id)


def test_the_order_given_does_not_change_a_byte(tmp_path, document):
    given = [document(f"Text {n}.") for n in range(50)]
    write_documents(tmp_path / "a", given)
    write_documents(tmp_path / "b", reversed(given))
    [a], [b] = shard_paths(tmp_path / "a"), shard_paths(tmp_path / "b")
    assert a.read_bytes() == b.read_bytes()
    assert list((tmp_path / "a").iterdir()) == [a]


def test_batches_of_texts_hold_every_text_once_in_order(tmp_path, document, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_GROUP", 7)
    write_documents(tmp_path / "a", [document(f"Text {n}.") for n in range(31)])
    batches = list(read_texts(tmp_path / "a"))
    assert [len(batch) for batch in batches] == [7, 7, 7, 7, 3]
    assert list(chain.from_iterable(batches)) == [d.text for d in read_documents(tmp_path / "a")]
    assert count_documents(tmp_path / "a") == 31


def test_several_shards_are_one_split(tmp_path, document, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_GROUP", 7)
    given = sorted((document(f"Text {n}.") for n in range(31)), key=lambda d: d.id)
    for number, part in enumerate((given[:9], given[9:9], given[9:])):
        write_frame(tmp_path / shard_name(number), as_frame(part))
    assert read_documents(tmp_path) == given
    assert [len(batch) for batch in read_texts(tmp_path)] == [7, 2, 7, 7, 7, 1]
    assert count_documents(tmp_path) == 31


def test_a_missing_corpus_names_the_stage_to_run(tmp_path):
    with pytest.raises(CorpusError, match="gptpath ingest"):
        read_documents(tmp_path / "train")


def test_a_file_that_is_no_parquet_or_has_other_columns_is_refused(tmp_path):
    (tmp_path / shard_name(0)).write_bytes(b"no parquet at all")
    with pytest.raises(CorpusError, match="not a readable parquet"):
        count_documents(tmp_path)
    pl.DataFrame({"text": ["x"]}).write_parquet(tmp_path / shard_name(0))
    with pytest.raises(CorpusError, match=COLUMNS[0]):
        read_documents(tmp_path)
