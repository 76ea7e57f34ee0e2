import json
import os
import resource

import numpy as np
import pytest

from gptpath.errors import TokenError
from gptpath.tokens.shards import HEADER_BYTES, MAGIC, dtype_for, open_split

DOCUMENTS = [[1, 2, 3, 49], [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 49], [14, 49]]
STREAM = [token for ids in DOCUMENTS for token in ids]


def test_documents_follow_each_other_across_shards(write_split, tmp_path):
    split = write_split(DOCUMENTS)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "index.json",
        "train-00000.tokens",
        "train-00001.tokens",
        "train-00002.tokens",
    ]
    assert len(split) == 17
    assert split.documents == 3
    assert split.text_bytes == 51
    assert split.read(0, 17).tolist() == STREAM


def test_any_range_reads_as_a_slice_of_the_stream(write_split):
    split = write_split(DOCUMENTS)
    for start in range(18):
        for stop in range(start, 18):
            assert split.read(start, stop).tolist() == STREAM[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (0, 18), (5, 4)])
def test_a_range_outside_the_split_is_refused(write_split, start, stop):
    with pytest.raises(TokenError, match="outside the 17 tokens"):
        write_split(DOCUMENTS).read(start, stop)


def test_a_range_within_one_shard_is_a_view_of_the_file(write_split):
    split = write_split(DOCUMENTS)
    assert isinstance(split.read(1, 5), np.memmap)
    assert split.read(1, 5).dtype == np.dtype("<u2")


@pytest.mark.parametrize(("vocab_size", "width"), [(300, 2), (65_536, 2), (65_537, 4)])
def test_ids_take_two_bytes_where_they_fit(write_split, tmp_path, vocab_size, width):
    assert dtype_for(vocab_size).itemsize == width
    split = write_split([[0, vocab_size - 1]], vocab_size=vocab_size)
    assert split.read(0, 2).tolist() == [0, vocab_size - 1]
    assert (tmp_path / "train-00000.tokens").stat().st_size == HEADER_BYTES + 2 * width


@pytest.mark.parametrize("bad", [-1, 50])
def test_an_id_outside_the_vocabulary_is_refused(write_split, bad):
    with pytest.raises(TokenError, match=r"outside \[0, 50\)"):
        write_split([[1, bad]])


def test_an_empty_split_has_no_tokens(write_split):
    split = write_split([])
    assert len(split) == 0
    assert split.read(0, 0).size == 0


def test_two_runs_write_the_same_bytes(write_split, tmp_path):
    def contents():
        write_split(DOCUMENTS)
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert contents() == contents()


def test_a_missing_folder_or_split_says_what_to_do(write_split, tmp_path):
    with pytest.raises(TokenError, match="gptpath encode"):
        open_split(tmp_path / "nowhere", "train")
    write_split(DOCUMENTS)
    with pytest.raises(TokenError, match="no split 'test'; known: train"):
        open_split(tmp_path, "test")


def damage(path, offset: int, value: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(value)] = value
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, b"NOTMAGIC", f"does not begin with {MAGIC!r}"),
        (8, b"\x09", "format version 9"),
        (12, b"\x04", "cut off or belongs to another run"),
        (16, b"\x05", "cut off or belongs to another run"),
        (24, b"\x00\x00", "not the shard that index.json names"),
    ],
)
def test_a_wrong_header_is_found_on_opening(write_split, tmp_path, offset, value, message):
    write_split(DOCUMENTS)
    damage(tmp_path / "train-00001.tokens", offset, value)
    with pytest.raises(TokenError, match=message) as caught:
        open_split(tmp_path, "train")
    assert "train-00001.tokens" in str(caught.value)


@pytest.mark.parametrize("size", [0, 30, HEADER_BYTES + 5])
def test_a_truncated_shard_is_found_on_opening(write_split, tmp_path, size):
    write_split(DOCUMENTS)
    path = tmp_path / "train-00001.tokens"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(TokenError, match="train-00001"):
        open_split(tmp_path, "train")


def test_a_changed_token_is_found_by_verifying(write_split, tmp_path):
    write_split(DOCUMENTS)
    damage(tmp_path / "train-00001.tokens", HEADER_BYTES + 2, b"\x01")
    open_split(tmp_path, "train")
    with pytest.raises(TokenError, match=r"corrupt.*checksum.*encode"):
        open_split(tmp_path, "train", verify=True)


def test_a_missing_shard_and_a_wrong_index_are_errors(write_split, tmp_path):
    write_split(DOCUMENTS)
    path = tmp_path / "index.json"
    index = json.loads(path.read_text())
    index["splits"]["train"]["tokens"] = 16
    path.write_text(json.dumps(index))
    with pytest.raises(TokenError, match="says 16 tokens.*hold 17"):
        open_split(tmp_path, "train")
    path.write_text("{broken")
    with pytest.raises(TokenError, match="not valid JSON"):
        open_split(tmp_path, "train")


def test_a_shard_that_is_gone_is_named(write_split, tmp_path):
    write_split(DOCUMENTS)
    (tmp_path / "train-00002.tokens").unlink()
    with pytest.raises(TokenError, match=r"no shard .*train-00002"):
        open_split(tmp_path, "train")


def test_a_split_of_more_shards_than_files_may_be_open_is_opened(write_split, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 100
    write_split([[n % 50] for n in range(used + 100)], shard_tokens=1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 50, hard))
    try:
        split = open_split(tmp_path, "train")
        assert split.read(0, len(split)).tolist() == [n % 50 for n in range(used + 100)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
