from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptpath.errors import CorpusError
from gptpath.gate.heldout import cut, item_numbers, read_passages
from gptpath.text.documents import Document, write_documents


def documents(*texts: str) -> list[Document]:
    return [
        Document(text=text, source="s", kind="files", location=str(place), group="g")
        for place, text in enumerate(texts)
    ]


@given(st.text(alphabet="ab \n", max_size=200), st.integers(1, 30))
def test_pieces_are_the_text_and_none_is_longer_than_asked(text: str, characters: int) -> None:
    pieces = list(cut(text, characters))
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= characters for piece in pieces)


def test_a_text_is_cut_before_a_blank_where_there_is_one() -> None:
    assert list(cut("one two three", 9)) == ["one two", " three"]
    assert list(cut("abcdefgh", 3)) == ["abc", "def", "gh"]


def test_the_first_documents_are_read_and_passages_know_theirs(tmp_path: Path) -> None:
    write_documents(tmp_path, documents("a b " * 20, "c d " * 20, "e f " * 20))
    passages = read_passages(tmp_path, documents=2, characters=50)
    assert len({passage.document for passage in passages}) == 2
    assert all(len(passage.text) <= 50 for passage in passages)
    assert item_numbers(passages, by_document=True) == [0, 0, 1, 1]
    assert item_numbers(passages, by_document=False) == [0, 1, 2, 3]


def test_a_split_without_text_is_refused(tmp_path: Path) -> None:
    write_documents(tmp_path, documents(" \n "))
    with pytest.raises(CorpusError, match="no text to compare"):
        read_passages(tmp_path, documents=2, characters=50)
