import gzip
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from gptpath.text.web.archive import (
    Archive,
    Visit,
    finished_digests,
    read_index,
    repair_abandoned,
    warc_files,
)
from gptpath.text.web.client import Answer
from gptpath.text.web.links import url_digest
from gptpath.text.web.records import Note, Page, read_warc

WRITER = "fetch0-0-of-1"


def visit(number: int, outcome: str = "fetched") -> Visit:
    link = f"http://example.com/{number}"
    page = Answer(
        status=200,
        phrase="OK",
        headers=(("Content-Type", "text/html"), ("Transfer-Encoding", "chunked")),
        body=f"<p>page {number}</p>".encode() * 50,
        text=b"",
        request=(("Host", "example.com"), ("User-Agent", "gptpath")),
    )
    return Visit(
        link=link,
        digest=url_digest(link),
        outcome=outcome,
        url=link,
        answer=page if outcome == "fetched" else None,
    )


def fill(folder: Path, count: int = 6, file_bytes: int = 10**6) -> list[Path]:
    archive = Archive(folder, WRITER, file_bytes=file_bytes)
    for number in range(count):
        archive.add(visit(number, "fetch_status_404" if number % 3 == 2 else "fetched"))
    archive.close()
    return warc_files(folder)


def read(path: Path) -> list[object]:
    return list(read_warc(path, 10**6))


def index_of(path: Path) -> Path:
    return path.with_name(path.name + ".index")


def test_pages_and_failures_are_kept_as_standard_warc(tmp_path: Path) -> None:
    [path] = fill(tmp_path, 3)
    with path.open("rb") as file:
        records = [
            (r.format, r.rec_type, r.rec_headers.protocol)
            for r in ArchiveIterator(file, check_digests="raise")
        ]
    kinds = ["warcinfo", *["response", "request", "metadata"] * 2, "metadata"]
    assert records == [("warc", kind, "WARC/1.1") for kind in kinds]


def test_what_went_in_comes_out(tmp_path: Path) -> None:
    [path] = fill(tmp_path, 3)
    page, note, *_ = read(path)
    assert page == Page(
        url="http://example.com/0",
        status="200",
        content_type="text/html",
        body=b"<p>page 0</p>" * 50,
    )
    assert note == Note(link="http://example.com/0", outcome="fetched")
    assert read(path)[-1] == Note(link="http://example.com/2", outcome="fetch_status_404")


def test_every_record_is_a_gzip_member_of_its_own(tmp_path: Path) -> None:
    [path] = fill(tmp_path, 2)
    data = path.read_bytes()
    ends = [int(line.split("\t")[0]) for line in index_of(path).read_text().splitlines()]
    assert ends[-1] == len(data)
    assert gzip.decompress(data[ends[0] :]).startswith(b"WARC/1.1\r\n")


def test_a_missing_index_is_made_anew(tmp_path: Path, caplog) -> None:
    for path in fill(tmp_path, 9, file_bytes=2000):
        before = index_of(path).read_bytes()
        index_of(path).unlink()
        repair_abandoned(tmp_path)
        assert index_of(path).read_bytes() == before


@pytest.mark.parametrize("lost", [1, 30, 200, 400])
def test_records_that_are_not_whole_are_cut_off(lost: int, tmp_path: Path, caplog) -> None:
    [path] = fill(tmp_path, 5)
    whole, entries = path.read_bytes(), index_of(path).read_bytes()
    path.write_bytes(whole[:-lost])
    archive = Archive(tmp_path, WRITER, file_bytes=10**6)
    kept = read_index(path)
    assert 3 <= len(kept) < 5
    assert entries.startswith(index_of(path).read_bytes())
    assert len(finished_digests(tmp_path)) == len(kept)
    for number in range(len(kept), 5):
        archive.add(visit(number))
    archive.close()
    notes = [record.link for record in read(path) if isinstance(record, Note)]
    assert notes == [f"http://example.com/{number}" for number in range(5)]
    assert "cut off" in caplog.text


def test_records_without_an_entry_are_entered(tmp_path: Path, caplog) -> None:
    [path] = fill(tmp_path, 4)
    entries = index_of(path).read_bytes()
    index_of(path).write_bytes(entries[:-9])  # half a line is lost
    repair_abandoned(tmp_path)
    assert index_of(path).read_bytes() == entries


def test_an_index_that_outlived_its_records_is_not_believed(tmp_path: Path, caplog) -> None:
    [path] = fill(tmp_path, 4)
    first = int(index_of(path).read_text().split("\t")[0])
    path.write_bytes(path.read_bytes()[: first + 10])
    repair_abandoned(tmp_path)
    assert len(read_index(path)) == 1
    assert path.stat().st_size == first


def test_files_of_a_writer_at_work_are_left_alone(tmp_path: Path) -> None:
    archive = Archive(tmp_path, WRITER, file_bytes=10**6)
    archive.add(visit(0))
    [path] = warc_files(tmp_path)
    with path.open("ab") as file:
        file.write(b"half a record")
    before = path.read_bytes()
    repair_abandoned(tmp_path)
    assert path.read_bytes() == before
    archive.close()


def test_failures_that_may_pass_are_told_apart(tmp_path: Path) -> None:
    archive = Archive(tmp_path, WRITER, file_bytes=10**6)
    for number, outcome in enumerate(("fetched", "fetch_status_404", "fetch_timed_out")):
        archive.add(visit(number, outcome))
    archive.close()
    assert len(finished_digests(tmp_path)) == 3
    final = finished_digests(tmp_path, final_only=True)
    assert url_digest("http://example.com/2") not in final.tolist()
    assert len(final) == 2


def test_a_full_file_is_followed_by_the_next_and_an_open_one_continued(tmp_path: Path) -> None:
    assert len(fill(tmp_path, 1)) == 1
    assert len(fill(tmp_path, 1)) == 1
    assert len(fill(tmp_path, 1, file_bytes=1)) == 2
    assert len(fill(tmp_path, 2, file_bytes=1)) == 4
