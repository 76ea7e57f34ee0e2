import gzip

import pytest

from gptpath.errors import CorpusError
from gptpath.zeroshot import benchmarks
from gptpath.zeroshot.items import parse_items, passage_item, schema_item
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


@pytest.mark.parametrize("name", benchmarks.FILES)
def test_an_absent_benchmark_is_reported_by_the_name_of_its_file(tmp_path, name):
    reason = benchmarks.absence(tmp_path, name)
    assert all(file in reason for file in benchmarks.FILES[name])
    assert benchmarks.absence(tmp_path / "nowhere", name) == reason


def test_lines_that_are_no_json_objects_become_malformed_items(tmp_path):
    path = tmp_path / "lambada" / "lambada_test.jsonl"
    path.parent.mkdir()
    path.write_text('{"text": "it ends here"}\n{broken\n[1]\n\n{"text": "so it does"}\n')
    items, malformed = parse_items(benchmarks.read_rows(tmp_path, "lambada"), passage_item)
    assert [item.target for item in items] == ["here", "does"]
    assert malformed == 2


def test_gzipped_files_are_read_as_they_are(tmp_path):
    path = tmp_path / "wikitext-2" / "test.txt.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b" a b \n \n"))
    assert benchmarks.absence(tmp_path, "wikitext-2") is None
    assert benchmarks.read_wikitext(tmp_path) == [" a b \n", " \n"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", gzip.compress(b"whole")[:-6]])
def test_a_damaged_file_is_named(tmp_path, content):
    name = "test.txt.gz" if content[:2] == b"\x1f\x8b" else "test.txt"
    path = tmp_path / "wikitext-2" / name
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=name):
        benchmarks.read_wikitext(tmp_path)


def test_the_authors_winograd_collection_gives_substituted_sentences(tmp_path):
    path = tmp_path / "winograd" / "WSCollection.xml"
    path.parent.mkdir()
    path.write_text(SCHEMA)
    first, second = parse_items(benchmarks.read_rows(tmp_path, "winograd"), schema_item)[0]
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
        benchmarks.read_rows(tmp_path, "winograd")


@pytest.mark.skipif(not (REAL / "lambada").is_dir(), reason="the real benchmarks are not here")
def test_the_published_files_are_read_whole():
    passages, malformed = parse_items(benchmarks.read_rows(REAL, "lambada"), passage_item)
    assert (len(passages), malformed) == (5153, 0)
    lines = benchmarks.read_wikitext(REAL)
    assert sum(len(line.split()) + 1 for line in lines) == 245_569
    schemas, malformed = parse_items(benchmarks.read_rows(REAL, "winograd"), schema_item)
    assert (len(schemas), malformed) == (273, 0)


@pytest.mark.skipif(not (REAL / "winograd").is_dir(), reason="the real benchmarks are not here")
def test_our_reading_of_the_xml_agrees_with_the_hand_made_form(tmp_path):
    target = tmp_path / "winograd"
    target.mkdir()
    (target / "WSCollection.xml").symlink_to(REAL / "winograd" / "WSCollection.xml")
    ours = parse_items(benchmarks.read_rows(tmp_path, "winograd"), schema_item)[0]
    theirs = parse_items(benchmarks.read_rows(REAL, "winograd"), schema_item)[0]
    assert [item.label for item in ours] == [item.label for item in theirs]
    same = sum(a.contexts == b.contexts for a, b in zip(ours, theirs, strict=True))
    assert same > 0.7 * 273  # the rest are worded more freely there
