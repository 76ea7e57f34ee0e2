import gzip
import io
from pathlib import Path

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from gptpath.config.ingest import Warc
from gptpath.errors import CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources.source import Dropped
from gptpath.text.sources.warc import WarcSource
from tests.unit.text.web.local_site import story


def response(
    writer: WARCWriter, url: str, body: bytes, status: str = "200 OK", **headers: str
) -> None:
    fields = {"Content-Type": "text/html"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    http = StatusAndHeaders(status, list(fields.items()), protocol="HTTP/1.1")
    record = writer.create_warc_record(
        url, "response", payload=io.BytesIO(body), length=len(body), http_headers=http
    )
    writer.write_record(record)


def write(path: Path, *, packed: bool = True, **headers: str) -> None:
    """A file in the layout of Common Crawl, with three pages and what is no page."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=packed)
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "test"}))
        for name in ("a", "b", "c"):
            body = story(name).encode()
            response(writer, f"http://www.example.org/{name}", body, **headers)
        response(writer, "http://example.org/gone", b"gone", "404 Not Found")
        response(writer, "http://example.org/picture", b"\xff\xd8", Content_Type="image/jpeg")


def read(raw: Path, **changes: object) -> tuple[list[Document], dict[str, str]]:
    source = WarcSource(settings=Warc(**changes), raw=raw)
    found = [one for unit in source.units() for one in source.read(unit)]
    dropped = {one.location: one.reason for one in found if isinstance(one, Dropped)}
    return [one for one in found if isinstance(one, Document)], dropped


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc"])
def test_pages_become_documents_and_the_rest_is_counted(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, packed=name.endswith(".gz"))
    documents, dropped = read(tmp_path)
    assert [d.location for d in documents] == [f"http://www.example.org/{n}" for n in "abc"]
    assert {(d.kind, d.group) for d in documents} == {("warc", "example.org")}
    assert "So it is told of a." in documents[0].text
    assert dropped == {
        "http://example.org/gone": "page_status_404",
        "http://example.org/picture": "page_content_type",
    }


def chunks(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize(
    ("pack", "headers"),
    [
        (gzip.compress, {"Content-Encoding": "gzip"}),
        (bytes, {"Content-Encoding": "gzip"}),  # unpacked by the archive, the header left
        (chunks, {"Transfer-Encoding": "chunked"}),
        (
            lambda body: chunks(gzip.compress(body)),
            {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"},
        ),
    ],
)
def test_bodies_are_unpacked(pack, headers, tmp_path: Path) -> None:
    with (tmp_path / "a.warc.gz").open("wb") as file:
        fields = {name.replace("-", "_"): value for name, value in headers.items()}
        response(WARCWriter(file), "http://example.org/", pack(story("a").encode()), **fields)
    [document] = read(tmp_path)[0]
    assert "So it is told of a." in document.text


def test_pages_that_unpack_to_too_much_are_left_out(tmp_path: Path) -> None:
    with (tmp_path / "a.warc.gz").open("wb") as file:
        body = gzip.compress(b" " * 30_000_000)
        response(WARCWriter(file), "http://example.org/", body, Content_Encoding="gzip")
    assert read(tmp_path)[1] == {"http://example.org/": "warc_page_too_large"}


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc"])
def test_a_file_that_is_cut_off_yields_what_comes_before(name: str, tmp_path: Path, caplog) -> None:
    write(tmp_path / name, packed=name.endswith(".gz"))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    documents, dropped = read(tmp_path)
    assert 0 < len(documents) < 3
    assert len(dropped) == 1


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc"])
def test_wherever_a_record_is_cut_off_that_is_counted(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, packed=name.endswith(".gz"))
    whole = path.read_bytes()
    start = whole.rindex(b"\x1f\x8b\x08" if name.endswith(".gz") else b"WARC/1.0")
    for end in range(start + 3, len(whole) - 12, 5):
        path.write_bytes(whole[:end])
        documents, dropped = read(tmp_path)
        assert len(documents) == 3
        assert len(dropped) >= 2, f"cut at {end} of {len(whole)}, after {start}"


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc"])
def test_a_cut_within_a_record_that_is_no_page_is_counted(name: str, tmp_path: Path) -> None:
    """Two of three records of Common Crawl are requests and metadata."""
    with (tmp_path / name).open("wb") as file:
        writer = WARCWriter(file, gzip=name.endswith(".gz"))
        response(writer, "http://www.example.org/a", story("a").encode())
        fields = {f"field{n}": f"{n**9}" for n in range(500)}
        writer.write_record(writer.create_warcinfo_record(name, fields))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-1000])
    documents, dropped = read(tmp_path)
    assert (len(documents), dropped) == (1, {name: "warc_damaged"})


def test_an_empty_file_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(b"")
    assert read(tmp_path) == ([], {"a.warc": "warc_damaged"})


def test_domains_can_be_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.warc.gz")
    documents, dropped = read(tmp_path, blocked_domains=("www.example.org",))
    assert not documents
    assert list(dropped.values()).count("page_domain_blocked") == 3


def test_small_files_share_a_unit(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / f"{name}.warc.gz")
    (tmp_path / "notes.txt").write_text("not a WARC file")
    [unit] = WarcSource(settings=Warc(), raw=tmp_path).units()
    assert unit.parts == ("a.warc.gz", "b.warc.gz")


def test_a_folder_without_warc_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a WARC file")
    with pytest.raises(CorpusError, match=r"\.warc\.gz"):
        read(tmp_path)
