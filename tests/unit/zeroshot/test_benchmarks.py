import gzip

import pytest

from gptpath.errors import CorpusError
from gptpath.zeroshot.benchmarks.catalogue import FILES, absence
from gptpath.zeroshot.benchmarks.files import find, lines_of, read_rows, read_text
from gptpath.zeroshot.benchmarks.gpt1_sets import read_cola
from gptpath.zeroshot.benchmarks.winograd import read_schemas
from gptpath.zeroshot.items import parse_items, passage_item, schema_item
from gptpath.zeroshot.perplexity import words_of
from tests.shared_data import REAL

SCHEMA = """<?xml version="1.0" encoding="ISO-8859-1"?>
<collection><schema>
<text><txt1>The cup hit the table. </txt1><pron>Its </pron><txt2> leg broke. </txt2></text>
<answers><answer>The cup </answer><answer> The table</answer></answers>
<correctAnswer> B. </correctAnswer>
</schema><schema>
<text><txt1>Ann paid because</txt1><pron> she </pron><txt2>lost.</txt2></text>
<answers><answer>Ann</answer><answer>A boss</answer></answers>
<correctAnswer>A</correctAnswer>
</schema></collection>"""


def published(name):
    return find(REAL, FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_an_absent_benchmark_is_reported_by_the_name_of_its_file(tmp_path, name):
    reason = absence(tmp_path, name)
    assert all(file in reason for file in FILES[name])
    assert absence(tmp_path / "nowhere", name) == reason


def test_lines_that_are_no_json_objects_become_malformed_items(tmp_path):
    path = tmp_path / "lambada" / "lambada_test.jsonl"
    path.parent.mkdir()
    path.write_text('{"text": "it ends here"}\n{broken\n[1]\n\n{"text": "so it does"}\n')
    items, malformed = parse_items(read_rows(path), passage_item)
    assert [item.target for item in items] == ["here", "does"]
    assert malformed == {"text is no text": 2}


def test_lone_surrogates_are_read_as_replacement_characters(tmp_path):
    """No file of results could hold them, nor could a tokenizer give them back."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": ["a \\ud83d", "\\ud83d\\ude42", {"\\uDC00": "b"}]}\n')
    [row] = read_rows(path)
    assert row["text"] == ["a \ufffd", "🙂", {"\ufffd": "b"}]


def test_json_nested_beyond_all_measure_is_a_malformed_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("[" * 100_000 + '\n{"text": "so it does"}\n')
    assert read_rows(path) == [{"id": "00000"}, {"id": "00001", "text": "so it does"}]


def test_gzipped_files_are_read_as_they_are(tmp_path):
    path = tmp_path / "wikitext-2" / "test.txt.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b" a b \n \n"))
    assert absence(tmp_path, "wikitext-2") is None
    assert read_text(path) == " a b \n \n"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", gzip.compress(b"whole")[:-6]])
def test_a_damaged_file_is_named(tmp_path, content):
    name = "test.txt.gz" if content[:2] == b"\x1f\x8b" else "test.txt"
    path = tmp_path / "wikitext-2" / name
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=name):
        read_text(path)


def test_the_authors_winograd_collection_gives_substituted_sentences(tmp_path):
    path = tmp_path / "winograd" / "WSCollection.xml"
    path.parent.mkdir()
    path.write_text(SCHEMA)
    first, second = parse_items(read_schemas(path), schema_item)[0]
    assert first.contexts == (
        "The cup hit the table. The cup's",
        "The cup hit the table. The table's",
    )
    assert (first.continuation, first.label) == (" leg broke.", 1)
    assert second.contexts == ("Ann paid because Ann", "Ann paid because the boss")
    assert second.label == 0


def test_something_else_than_the_winograd_xml_is_refused(tmp_path):
    path = tmp_path / "winograd" / "WSCollection.xml"
    path.parent.mkdir()
    path.write_text("no xml")
    with pytest.raises(CorpusError, match="Winograd collection"):
        read_schemas(path)


@pytest.mark.skipif(not (REAL / "lambada").is_dir(), reason="the real benchmarks are not here")
def test_the_published_files_are_read_whole():
    passages, malformed = parse_items(read_rows(published("lambada")), passage_item)
    assert (len(passages), malformed) == (5153, {})
    assert words_of(read_text(published("wikitext-2")).splitlines()) == 245_569
    schemas, malformed = parse_items(read_schemas(published("winograd")), schema_item)
    assert (len(schemas), malformed) == (273, {})


@pytest.mark.skipif(not (REAL / "winograd").is_dir(), reason="the real benchmarks are not here")
def test_our_reading_of_the_xml_agrees_with_the_hand_made_form():
    ours = parse_items(read_schemas(REAL / "winograd/WSCollection.xml"), schema_item)[0]
    theirs = parse_items(read_schemas(published("winograd")), schema_item)[0]
    assert [item.label for item in ours] == [item.label for item in theirs]
    same = sum(a.contexts == b.contexts for a, b in zip(ours, theirs, strict=True))
    assert same > 0.7 * 273  # the rest are worded more freely there


@pytest.mark.parametrize("text", ["a\x85b\u2028c\x0cd\re\n\nf\r\n", "a b\n \nlast", ""])
def test_only_line_feeds_end_lines(text):
    assert "".join(lines_of(text)) == text
    assert len(lines_of(text)) == text.count("\n") + bool(text) - text.endswith("\n")


def test_a_sentence_with_a_strange_line_end_in_it_stays_one(tmp_path):
    """Else the words of the Billion Word Benchmark are miscounted and CoLA loses a sentence."""
    path = tmp_path / "dev.tsv"
    path.write_text("x\t1\t\tHe left\x85 and came.\nx\t0\t*\tLeft he.\n", encoding="utf-8")
    assert [row["text"].strip() for row in read_cola(path)] == ["He left\x85 and came.", "Left he."]


def test_a_table_may_have_long_fields_lone_carriage_returns_and_quotes(tmp_path):
    path = tmp_path / "dev.tsv"
    long = "word " * 40_000
    lines = ["sentence\tlabel", f"{long}\t1", 'a "b\rc\t0', "", "short", "d\t1\tmore"]
    path.write_bytes("\r\n".join(lines).encode())
    assert [(row.get("sentence"), row.get("label")) for row in read_rows(path)] == [
        (long, "1"),
        ('a "b\rc', "0"),
        ("short", None),
        ("d", "1"),
    ]
