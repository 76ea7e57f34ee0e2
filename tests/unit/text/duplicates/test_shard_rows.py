import numpy as np
import polars as pl
import pytest

from gptpath.errors import CorpusError
from gptpath.text.duplicates import shard_rows
from gptpath.text.duplicates.shard_rows import ShardRows, read_batches, read_ids
from tests.unit.text.planted import write_shards


def test_places_are_found_in_their_shards():
    layout = ShardRows.of([2, 0, 3])
    shards, rows = layout.locate(np.array([4, 0, 2]))
    assert (shards.tolist(), rows.tolist()) == ([2, 0, 2], [2, 0, 0])
    assert [part.tolist() for part in layout.split(np.array([1, 2, 4]))] == [[1], [], [0, 2]]


def test_texts_come_in_batches_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(shard_rows, "BATCH_CHARS", 1000)
    texts = {str(n): f"{n} " * 20 for n in range(1000)}
    [shard] = write_shards(tmp_path, texts, shards=1)
    batches = list(read_batches(shard))
    assert [text for batch in batches for text in batch] == list(texts.values())
    assert max(len("".join(batch)) for batch in batches) < 1100
    some = [text for batch in read_batches(shard, np.array([0, 3, 300, 999])) for text in batch]
    assert some == [texts[n] for n in ("0", "3", "300", "999")]


def test_a_missing_text_counts_as_empty(tmp_path):
    path = tmp_path / "shard.parquet"
    pl.DataFrame({"id": ["a"], "text": [None]}, schema_overrides={"text": pl.String}).write_parquet(
        path
    )
    assert list(read_batches(path)) == [[""]]


def test_a_shard_without_the_columns_is_refused_with_what_was_found(tmp_path):
    path = tmp_path / "shard.parquet"
    pl.DataFrame({"id": [1], "text": ["a"]}).write_parquet(path)
    with pytest.raises(CorpusError, match="expected `id` and `text`"):
        read_ids([path])
    path.write_bytes(b"no parquet")
    with pytest.raises(CorpusError, match="not a readable parquet"):
        read_ids([path])
