import gzip
import io
import json
import os
from pathlib import Path

import pandas as pd
import pytest
import zstandard

from gptpath.config.ingest import Jsonl
from gptpath.errors import CorpusError
from gptpath.text.sources import jsonl, listing, records
from gptpath.text.sources.jsonl import JsonlSource
from gptpath.text.sources.source import Dropped
from tests.shared_data import REAL

REAL_FILES = {
    "hellaswag/hellaswag.jsonl.gz": "ctx",
    "boolq/boolq.jsonl.gz": "query",
    "race/race.jsonl.gz": "article",
    "lambada/lambada_test.jsonl.gz": "text",
    "openbookqa/openbook_qa.jsonl": "query",
    "snli/official_sample/snli_1.0_dev.jsonl": "sentence1",
    "winograd/winograd_wsc.jsonl": "continuation",
    "nq_open/NQ-open.dev.jsonl.gz": "question",
}


def source(raw: Path, **settings) -> JsonlSource:
    return JsonlSource(settings=Jsonl(**settings), raw=raw)


def rows(*texts: str) -> bytes:
    return b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)


def test_files_are_read_in_order_whatever_packs_them(tmp_path, read_all):
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.jsonl").write_bytes(rows("one", "two"))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(rows("three")))
    (tmp_path / "d.ndjson.zst").write_bytes(zstandard.compress(rows("four")))
    (tmp_path / "deep" / "a.ndjson").write_bytes(rows("five").rstrip())
    (tmp_path / "README.md").write_text("About.")
    (tmp_path / "table.csv").write_text("1,2")
    documents, dropped = read_all(source(tmp_path, name="dump"))
    assert [(d.location, d.group, d.text) for d in documents] == [
        ("b.jsonl:1", "b", "one"),
        ("b.jsonl:2", "b", "two"),
        ("c.jsonl.gz:1", "c", "three"),
        ("d.ndjson.zst:1", "d", "four"),
        ("deep/a.ndjson:1", "a", "five"),
    ]
    assert {(d.source, d.kind) for d in documents} == {("dump", "jsonl")}
    assert dropped == [
        Dropped(location="README.md", reason=listing.ABOUT_THE_DATA),
        Dropped(location="table.csv", reason=listing.UNSUPPORTED),
    ]


def test_columns_are_named_by_the_settings(tmp_path, read_all):
    pytest.importorskip("tldextract")
    record = {
        "body": "Text.",
        "n": 7,
        "link": "https://news.BBC.co.uk/1?a=b",
        "terms": "CC0-1.0",
        "tags": ["b", "a"],
        "score": None,
        "seen": True,
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    named = {
        "text_column": "body",
        "url_column": "link",
        "licence_column": "terms",
        "metadata_columns": ("tags", "score", "seen", "n"),
    }
    ((document,), _) = read_all(source(tmp_path, location_column="n", **named))
    assert (document.location, document.group, document.licence) == ("7", "bbc.co.uk", "CC0-1.0")
    named_so = {"tags": '["b", "a"]', "seen": "true", "n": "7"}
    assert document.metadata == named_so | {"url": record["link"]}
    ((document,), _) = read_all(source(tmp_path, **named))
    assert document.location == record["link"]
    assert document.metadata == named_so


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "cut of', jsonl.MALFORMED),
        (b"[" * 100_000, jsonl.MALFORMED),
        (b'["text"]', jsonl.NOT_AN_OBJECT),
        (b"7", jsonl.NOT_AN_OBJECT),
        (b'{"other": "x"}', records.TEXT_MISSING),
        (b'{"text": null}', records.TEXT_MISSING),
        (b'{"text": " \\n"}', records.TEXT_EMPTY),
        (b'{"text": 7}', records.TEXT_NOT_A_STRING),
        (b'{"text": "\xff\xfe"}', records.NOT_UTF8),
        (b'{"text": "' + b"x" * 500 + b'"}', jsonl.TOO_LARGE),
    ],
)
def test_a_bad_line_is_a_counted_drop_with_its_place(tmp_path, monkeypatch, read_all, line, reason):
    monkeypatch.setattr(
        jsonl, "MOST_RECORD_BYTES", max(400, len(line) * (reason != jsonl.TOO_LARGE))
    )
    (tmp_path / "a.jsonl").write_bytes(rows("before") + b"\r\n" + line + b"\n" + rows("after"))
    documents, dropped = read_all(source(tmp_path))
    assert [d.location for d in documents] == ["a.jsonl:1", "a.jsonl:4"]
    assert dropped == [Dropped(location="a.jsonl:3", reason=reason)]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_an_archive_cut_off_anywhere_keeps_what_came_before(tmp_path, read_all, suffix):
    texts = [os.urandom(600).hex() for _ in range(400)]
    whole = {".gz": gzip.compress, ".zst": zstandard.compress}[suffix](rows(*texts))
    for share in (0.2, 0.7, 0.999):
        (tmp_path / f"a.jsonl{suffix}").write_bytes(whole[: int(share * len(whole))])
        documents, dropped = read_all(source(tmp_path))
        assert [d.text for d in documents] == texts[: len(documents)]
        place = f"a.jsonl{suffix}:{len(documents) + 1}"
        assert dropped == [Dropped(location=place, reason=listing.TRUNCATED)]


def test_damaged_and_empty_files_are_counted(tmp_path, read_all):
    (tmp_path / "a.jsonl.gz").write_bytes(b"no archive")
    (tmp_path / "b.jsonl.zst").write_bytes(b"no archive")
    (tmp_path / "c.jsonl").write_bytes(b"\n \n")
    (tmp_path / "d.jsonl").write_bytes(rows("sound"))
    documents, dropped = read_all(source(tmp_path))
    assert [d.text for d in documents] == ["sound"]
    assert dropped == [
        Dropped(location="a.jsonl.gz:1", reason=listing.UNREADABLE),
        Dropped(location="b.jsonl.zst:1", reason=listing.UNREADABLE),
        Dropped(location="c.jsonl", reason=listing.EMPTY),
    ]


def test_byte_order_mark_and_lone_surrogates_do_no_harm(tmp_path, read_all):
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + b'{"text": "a \\ud800 b \\ud83d\\ude00"}')
    ((document,), dropped) = read_all(source(tmp_path))
    assert (document.text, dropped) == ("a � b 😀", [])


def test_all_frames_of_a_zstd_file_are_read(tmp_path, read_all):
    stream = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(stream, closefd=False) as writer:
        writer.write(rows("three"))
    frames = zstandard.compress(rows("one", "two")) + zstandard.compress(b"") + stream.getvalue()
    (tmp_path / "a.jsonl.zst").write_bytes(frames)
    documents, dropped = read_all(source(tmp_path))
    assert [d.text for d in documents] == ["one", "two", "three"]
    assert not dropped


def test_a_text_column_that_no_record_has_is_refused_with_those_there_are(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"body": "x", "url": "y"}\n')
    with pytest.raises(CorpusError, match=r"text_column='text'.*they have body, url"):
        source(tmp_path).units()


def test_a_missing_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(CorpusError, match="nowhere of the source 'jsonl' does not exist"):
        source(tmp_path, path="nowhere").units()
    with pytest.raises(CorpusError, match="no files; put the data there"):
        source(tmp_path).units()


@pytest.mark.parametrize(("file", "column"), REAL_FILES.items())
def test_real_files_give_the_rows_that_pandas_reads(file, column, read_all):
    if not (REAL / file).is_file():
        pytest.skip("the published data sets are not here")
    documents, dropped = read_all(source(REAL, path=file, text_column=column))
    frame = pd.read_json(REAL / file, lines=True, dtype=False)
    kept = frame[column].map(lambda text: bool(text.strip()))
    assert [d.text for d in documents] == frame[column][kept].tolist()
    assert len(dropped) == (~kept).sum()
    assert len(documents) > 1
