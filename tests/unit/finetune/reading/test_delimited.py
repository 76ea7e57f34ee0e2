import gzip

import pytest

from gptpath.errors import CorpusError
from gptpath.finetune.reading import delimited
from gptpath.finetune.reading.delimited import Delimited

TSV = Delimited(delimiter="\t", quotes=False)
CSV = Delimited(delimiter=",", quotes=True)


@pytest.fixture
def read(tmp_path):
    def of(content, reader=TSV, name="rows.tsv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(reader.read(path))

    return of


def values(rows):
    return [dict(row.values) for row in rows]


def problems(rows):
    return [(row.number, row.problem.reason) for row in rows if row.problem]


def test_quotation_marks_are_text_in_a_table_without_quotes(read):
    rows = read('a\tb\n" The pie\t1\nhis "time"\t0\n"x\t1\n')
    assert [row.values["a"] for row in rows] == ['" The pie', 'his "time"', '"x']


def test_a_mark_at_the_beginning_is_no_part_of_the_header(read):
    assert values(read("\ufeffQuality\ttext\n1\tx\n")) == [{"Quality": "1", "text": "x"}]


def test_lines_end_with_carriage_returns_too_and_empty_lines_are_no_rows(read):
    rows = read("a\tb\r\nx\t1\r\n\r\ny\t2\r\n\n")
    assert values(rows) == [{"a": "x", "b": "1"}, {"a": "y", "b": "2"}]
    assert [row.number for row in rows] == [2, 4]


@pytest.mark.parametrize("strange", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
@pytest.mark.parametrize("reader", [TSV, Delimited(delimiter="\t", quotes=True)])
def test_characters_that_some_take_for_line_ends_stay_within_their_field(read, strange, reader):
    assert values(read(f"a\tb\none{strange}two\t1\n", reader)) == [
        {"a": f"one{strange}two", "b": "1"}
    ]


def test_a_file_without_header_takes_the_names_given(read):
    reader = Delimited(delimiter="\t", quotes=False, names=("source", "label"))
    assert values(read("gj04\t1\n", reader)) == [{"source": "gj04", "label": "1"}]


def test_rows_of_another_width_are_problems_and_the_next_row_is_read(read):
    rows = read("a\tb\nx\ny\t1\nz\t2\t3\n")
    assert problems(rows) == [(2, "wrong_number_of_columns"), (4, "wrong_number_of_columns")]
    assert str(rows[0].problem) == "1 fields, expected 2"
    assert values(rows)[1] == {"a": "y", "b": "1"}


def test_last_columns_may_be_missing_where_the_format_says_so(read):
    reader = Delimited(delimiter="\t", quotes=False, names=("a", "b", "c"), optional_columns=1)
    rows = read("1\t2\n1\t2\t3\n1\n", reader)
    assert values(rows)[:2] == [{"a": "1", "b": "2"}, {"a": "1", "b": "2", "c": "3"}]
    assert problems(rows) == [(3, "wrong_number_of_columns")]


def test_a_quoted_field_may_hold_delimiters_quotes_and_line_ends(read):
    rows = read('a,b\n"one, ""two""\nthree",1\nx,2\n', CSV)
    assert values(rows) == [{"a": 'one, "two"\nthree', "b": "1"}, {"a": "x", "b": "2"}]
    assert [row.number for row in rows] == [2, 4]


def test_a_quote_within_a_quoted_field_is_a_problem_of_that_row_alone(read):
    rows = read('a,b\n"one "two" three",1\nx,2\n', CSV)
    assert problems(rows) == [(2, "malformed_quotes")]
    assert rows[0].text == '"one "two" three",1'
    assert values(rows)[1] == {"a": "x", "b": "2"}


def test_a_quote_that_a_later_row_closes_says_how_many_lines_went_with_it(read):
    rows = read('a,b\n"open,1\ny,2\nz,3\n"w",4\nx,5\n', CSV)
    assert problems(rows) == [(2, "malformed_quotes")]
    assert "4 lines are lost with it" in str(rows[0].problem)
    assert values(rows)[1:] == [{"a": "x", "b": "5"}]
    [row] = read('a,b\n"one "two" three",1\n', CSV)
    assert "lost" not in str(row.problem)


def test_a_quote_that_is_never_closed_is_an_error_naming_where_its_row_begins(read):
    with pytest.raises(CorpusError, match=r"row that begins in line 3 has a double quote .*never"):
        read('a,b\nx,1\n"open,2\ny,3\nz,4\n', CSV)


def test_a_quoted_field_may_be_a_whole_book(read):
    assert values(read(f'a,b\n"{"word " * 40_000}",1\n', CSV)) == [
        {"a": "word " * 40_000, "b": "1"}
    ]


def test_a_quote_that_swallows_more_than_a_field_can_hold_is_the_same_error(read, monkeypatch):
    monkeypatch.setattr(delimited, "LONGEST_FIELD", 100_000)
    with pytest.raises(CorpusError, match="begins in line 2 has a double quote that is never"):
        read('a,b\n"open,2\n' + "y,3\n" * 40_000, CSV)


def test_bytes_of_another_encoding_cost_their_row_alone_and_can_be_shown(read):
    rows = read(b"a\tb\ncaf\xe9\t1\nx\t2\n")
    assert problems(rows) == [(2, "wrong_encoding")]
    assert rows[0].shown() == "rows.tsv, line 2: caf\\udce9\t1"
    assert values(rows)[1] == {"a": "x", "b": "2"}


def test_another_encoding_can_be_stated(read):
    latin = Delimited(delimiter="\t", quotes=False, encoding="cp1252")
    assert values(read(b"a\tb\ncaf\xe9\t1\n", latin)) == [{"a": "café", "b": "1"}]
    wide = Delimited(delimiter="\t", quotes=False, encoding="utf-16")
    assert values(read("a\tb\ncafé\t1\n".encode("utf-16"), wide)) == [{"a": "café", "b": "1"}]


def test_utf_16_is_told_from_utf_8_and_an_unknown_encoding_is_named(read):
    with pytest.raises(CorpusError, match=r"mark of UTF-16, not utf-8; state encoding: utf-16"):
        read("a\tb\n".encode("utf-16"))
    with pytest.raises(CorpusError, match="unknown encoding 'utf-9'"):
        read("a\tb\n", Delimited(delimiter="\t", quotes=False, encoding="utf-9"))


def test_gzipped_files_are_read_and_damaged_ones_refused(read):
    whole = gzip.compress(b"a\tb\nx\t1\n")
    assert values(read(whole, name="rows.tsv.gz")) == [{"a": "x", "b": "1"}]
    for content in (whole[:-4], b"a\tb\n", whole[:12] + b"\xff" * 20):
        with pytest.raises(CorpusError, match=r"rows\.tsv\.gz cannot be read"):
            read(content, name="rows.tsv.gz")


def test_a_header_that_names_a_column_twice_or_ends_in_bare_returns_is_refused(read):
    with pytest.raises(CorpusError, match=r"twice in its header: \['a', 'a'\]"):
        read("a\ta\n")
    with pytest.raises(CorpusError, match="end in carriage returns alone"):
        read("a\tb\rx\t1\r")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"there is no file .*none\.tsv"):
        list(TSV.read(tmp_path / "none.tsv"))
