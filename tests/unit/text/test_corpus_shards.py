import numpy as np
import pytest

from gptpath.text.cleaned_pieces import Piece
from gptpath.text.corpus_shards import GatherTask, ScatterTask, gather, scatter
from gptpath.text.documents import as_frame, read_documents, write_frame
from gptpath.text.fates import FATES


@pytest.fixture
def scattered(tmp_path, document):
    """Two pieces of 40 documents, every fourth of them for validation, the last one dropped."""
    documents = [document(f"Text {n}.", location=f"m:{n}") for n in range(80)]
    fates = [FATES.index("validation" if n % 4 == 0 else "train") for n in range(80)]
    fates[-1] = FATES.index("near_duplicate")
    for number in range(2):
        rows = slice(40 * number, 40 * number + 40)
        piece = Piece(folder=tmp_path / "clean", name=f"p{number}", source="a", rows=40)
        write_frame(piece.documents, as_frame(documents[rows]))
        task = ScatterTask(
            piece=piece,
            fates=np.array(fates[rows], dtype=np.uint8),
            shards={"train": 3, "validation": 1, "tasks": 1},
            folder=tmp_path / "scattered",
        )
        scatter(task)
    return documents, fates


def shard(root, split: str, number: int, place: int):
    task = GatherTask(
        split=split,
        shard=number,
        slice=place,
        pieces=["p0", "p1"],
        scattered=root / "scattered",
        corpus=root / "corpus",
        groups=root / "groups",
    )
    return gather(task)


def test_shards_hold_every_kept_document_once_in_id_order(tmp_path, scattered):
    documents, fates = scattered
    sizes = [shard(tmp_path, "train", number, number) for number in range(3)]
    expected = [d for d, f in zip(documents, fates, strict=True) if f == FATES.index("train")]
    found = read_documents(tmp_path / "corpus" / "train")
    assert found == sorted(expected, key=lambda d: d.id)
    assert sum(size.documents for size in sizes) == len(expected) == 59
    assert sum(size.bytes for size in sizes) == sum(len(d.text) for d in expected)


def test_a_split_without_documents_is_one_empty_shard(tmp_path, scattered):
    assert shard(tmp_path, "tasks", 0, 4).documents == 0
    assert read_documents(tmp_path / "corpus" / "tasks") == []


def test_what_is_there_already_is_not_written_again(tmp_path, scattered):
    first = shard(tmp_path, "validation", 0, 3)
    path = tmp_path / "corpus" / "validation" / "00000.parquet"
    before = path.stat()
    assert shard(tmp_path, "validation", 0, 3) == first
    assert path.stat().st_mtime_ns == before.st_mtime_ns
