import json

import pytest

from gptpath.errors import ConfigError
from gptpath.report.tokenizer_report import ALL, measure, open_all, render, write_report
from gptpath.text.documents import Document, write_documents
from gptpath.tokens.bpe import train_ranks, write_tokenizer

TEXTS = {"books": "the cat sat on the mat " * 5, "web": "naïve cafés — über alles, 漢字! " * 5}


@pytest.fixture
def root(tmp_path):
    documents = [
        Document(text=text, source=source, kind="files", location=f"{n}", group="x")
        for source, text in TEXTS.items()
        for n in range(3)
    ]
    write_documents(tmp_path / "corpus" / "validation", documents)
    sample = list(TEXTS.values()) * 3
    for name, size in (("small", 257), ("large", 280)):
        write_tokenizer(tmp_path / name, train_ranks(sample, vocab_size=size), name=name)
    return tmp_path


def encodings(root):
    return open_all([root / "small", root / "large"], words="basic")


def test_bytes_per_token_and_fertility_are_counted_by_source(root):
    report = measure(root / "corpus", encodings(root), most_bytes=10**6)
    assert list(report) == ["books", "web", ALL]
    for source, text in TEXTS.items():
        bytewise = report[source]["small"]
        assert (bytewise.documents, bytewise.words) == (3, 3 * len(text.split()))
        assert bytewise.bytes == bytewise.tokens == 3 * len(text.encode())
        assert bytewise.bytes_per_token == 1
        assert bytewise.fertility == len(text.encode()) / len(text.split())
    assert report["books"]["large"].bytes_per_token > report["web"]["large"].bytes_per_token > 1
    whole = report[ALL]["large"]
    assert whole.tokens == report["books"]["large"].tokens + report["web"]["large"].tokens


def test_reading_ends_with_the_asked_bytes_but_not_before_the_first_document(root):
    assert measure(root / "corpus", encodings(root), most_bytes=1)[ALL]["small"].documents == 1
    size = len(TEXTS["books"].encode()) + len(TEXTS["web"].encode())
    assert measure(root / "corpus", encodings(root), most_bytes=size)[ALL]["small"].documents < 6


def test_the_table_and_the_file_tell_the_same(root):
    report = measure(root / "corpus", encodings(root), most_bytes=10**6)
    write_report(root / "report.json", report)
    values = json.loads((root / "report.json").read_text())
    lines = render(report).splitlines()
    heads = ["source", "documents", "MB", "small", "per word", "large", "per word"]
    assert lines[0].split() == " ".join(heads).split()
    row = next(line for line in lines if line.startswith("web")).split()
    assert row[3] == "1.000"
    assert row[5] == f"{values['web']['large']['bytes_per_token']:.3f}"
    assert row[6] == f"{values['web']['large']['fertility']:.3f}"


def test_encodings_of_the_same_name_go_by_their_folder(root):
    opened = open_all([root / "small", root / "small"], words="basic")
    assert list(opened) == ["small", str(root / "small")]


def test_a_folder_that_holds_no_tokenizer_is_refused(root):
    with pytest.raises(ConfigError, match=r"vocab\.bpe and encoder\.json"):
        open_all([root / "corpus"], words="basic")
