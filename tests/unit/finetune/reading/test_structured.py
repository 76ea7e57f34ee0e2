import json

import polars as pl
import pytest

from gptpath.errors import CorpusError
from gptpath.finetune.reading.structured import JsonDocument, JsonLines, Parquet, Passages


def test_json_lines_that_are_no_objects_are_problems_of_their_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n\n[1]\n{"a": \n{"a": "caf\xe9"}\r\n{"a": 2}')
    rows = list(JsonLines().read(path))
    assert [(row.number, row.problem.reason) for row in rows if row.problem] == [
        (3, "not_json"),
        (4, "not_json"),
        (5, "wrong_encoding"),
    ]
    assert [row.values for row in rows if not row.problem] == [{"a": 1}, {"a": 2}]
    assert rows[2].shown() == 'rows.jsonl, line 4: {"a":'


def test_a_line_separator_within_a_string_ends_no_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"a": "one\u2028two"}, ensure_ascii=False) + "\n", encoding="utf-8")
    [row] = JsonLines().read(path)
    assert row.values == {"a": "one\u2028two"}


@pytest.mark.parametrize("rows", [[{"a": 1}, {"a": 2}], {"0": {"a": 1}, "1": {"a": 2}}])
def test_a_json_document_is_a_list_or_an_object_of_rows(tmp_path, rows):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows))
    assert [row.values for row in JsonDocument().read(path)] == [{"a": 1}, {"a": 2}]


def test_a_json_document_of_something_else_is_refused(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text("3")
    with pytest.raises(CorpusError, match="neither a list of rows nor an object"):
        list(JsonDocument().read(path))
    path.write_text("[")
    with pytest.raises(CorpusError, match=r"rows\.json is no JSON document"):
        list(JsonDocument().read(path))
    path.write_text('[{"a": 1}, 2]')
    assert [row.problem and row.problem.reason for row in JsonDocument().read(path)] == [
        None,
        "not_json",
    ]


def test_passages_give_a_row_for_each_question(tmp_path):
    folder = tmp_path / "middle"
    folder.mkdir()
    passage = {
        "article": "Text.",
        "questions": ["Q1", "Q2"],
        "options": [["a", "b"], ["c", "d"]],
        "answers": ["A", "B"],
        "id": "middle1.txt",
    }
    (folder / "1.txt").write_text(json.dumps(passage))
    rows = list(Passages().read(folder / "1.txt"))
    assert [row.id for row in rows] == ["middle/1.txt:1", "middle/1.txt:2"]
    assert rows[1].values == {
        "article": "Text.",
        "question": "Q2",
        "options": ["c", "d"],
        "answer": "B",
    }
    (folder / "1.txt").write_text(json.dumps(passage | {"answers": ["A"]}))
    [row] = Passages().read(folder / "1.txt")
    assert row.problem is not None


def test_parquet_keeps_types_and_lists(tmp_path):
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"a": ["x", None], "b": [["p", "q"], ["r"]], "c": [1.0, 2.5]}).write_parquet(path)
    assert [(row.number, row.values) for row in Parquet().read(path)] == [
        (1, {"a": "x", "b": ["p", "q"], "c": 1.0}),
        (2, {"a": None, "b": ["r"], "c": 2.5}),
    ]


def test_damaged_and_missing_parquet_files_are_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(CorpusError, match=r"rows\.parquet is no readable Parquet file"):
        list(Parquet().read(path))
    with pytest.raises(CorpusError, match="there is no file"):
        list(Parquet().read(tmp_path / "none.parquet"))


def test_without_polars_a_parquet_file_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(CorpusError, match="needs polars, which is not installed here"):
        list(Parquet().read(tmp_path / "rows.parquet"))
