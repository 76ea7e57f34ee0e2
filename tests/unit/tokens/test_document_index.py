import numpy as np
import pytest

from gptpath.errors import TokenError
from gptpath.tokens.document_index import (
    HEADER_BYTES,
    DocumentIndex,
    read_documents_file,
    write_documents_file,
)
from gptpath.tokens.shards import SplitSummary, write_index

LENGTHS = [[3, 1, 4], [], [5, 2]]
IDS = [["00000000000000a1", "7fffffffffffffff", "ffffffffffffffff"], [], ["0b" * 8, "0c" * 8]]
OWNERS = [0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4]


@pytest.fixture
def folder(tmp_path):
    entries = [
        write_documents_file(
            tmp_path / f"train-{n:05d}.docs", lengths=np.array(lengths, dtype=np.int64), ids=ids
        )
        for n, (lengths, ids) in enumerate(zip(LENGTHS, IDS, strict=True))
    ]
    summary = SplitSummary(tokens=15, documents=5, bytes=9, shards=[], document_files=entries)
    write_index(tmp_path, vocab_size=300, splits={"train": summary})
    return tmp_path


def test_every_range_of_tokens_names_its_documents_and_their_parts(folder):
    index = DocumentIndex(folder, "train")
    ids = [name for names in IDS for name in names]
    for start in range(15):
        for stop in range(start + 1, 16):
            spans = index.spans(start, stop)
            owners = sorted(set(OWNERS[start:stop]))
            assert [span.id for span in spans] == [ids[owner] for owner in owners]
            for owner, span in zip(owners, spans, strict=True):
                first = OWNERS.index(owner)
                places = [p - first for p in range(start, stop) if OWNERS[p] == owner]
                assert (span.start, span.stop) == (places[0], places[-1] + 1)
                assert span.tokens == OWNERS.count(owner)


def test_a_document_is_found_in_the_corpus_by_shard_and_row(folder):
    spans = DocumentIndex(folder, "train").spans(0, 15)
    assert [(span.shard, span.row) for span in spans] == [
        *(("00000", 0), ("00000", 1), ("00000", 2)),
        *(("00002", 0), ("00002", 1)),
    ]


def entry(folder):
    index = DocumentIndex(folder, "train")
    return index._entries[0]


def test_a_changed_record_is_found_by_verifying(folder):
    path = folder / "train-00000.docs"
    content = bytearray(path.read_bytes())
    content[HEADER_BYTES] ^= 1
    path.write_bytes(content)
    read_documents_file(path, entry(folder))
    with pytest.raises(TokenError, match="corrupt"):
        read_documents_file(path, entry(folder), verify=True)


@pytest.mark.parametrize("size", [0, 30, HEADER_BYTES + 16])
def test_a_truncated_file_is_found_on_opening(folder, size):
    path = folder / "train-00000.docs"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(TokenError, match="not the file that index.json names"):
        DocumentIndex(folder, "train").spans(0, 1)


def test_a_missing_file_and_an_index_without_documents_say_what_to_do(folder):
    (folder / "train-00000.docs").unlink()
    with pytest.raises(TokenError, match="no document index .*gptpath encode"):
        DocumentIndex(folder, "train").spans(0, 1)
    summary = SplitSummary(tokens=15, documents=5, bytes=9, shards=[])
    write_index(folder, vocab_size=300, splits={"train": summary})
    with pytest.raises(TokenError, match="run `gptpath encode` again"):
        DocumentIndex(folder, "train")
    with pytest.raises(TokenError, match="'test'"):
        DocumentIndex(folder, "test")
