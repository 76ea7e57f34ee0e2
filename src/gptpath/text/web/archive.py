"""Everything fetched, kept as WARC 1.1: nothing is fetched twice, whatever happened in between.

A link's records stand together: request, response and a metadata record with what became of the
link, or the metadata record alone where there is no page. They are written at once, and then the
link is entered in the index beside the file, `NAME.warc.gz.index`, a line each: bytes of the file
up to and including its records, the link's digest, the outcome. After a crash the two are made to
agree again: records that are not whole are cut off, whole ones are entered. A missing index is
made anew.
"""

import io
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import FileLock, Timeout

from gptpath import __version__
from gptpath.errors import CorpusError
from gptpath.text.web.client import Answer
from gptpath.text.web.libraries import web_library
from gptpath.text.web.link_list import Digests
from gptpath.text.web.links import url_digest
from gptpath.text.web.outcomes import PASSING
from gptpath.text.web.records import fields_of, members

logger = logging.getLogger(__name__)

ENDING = ".warc.gz"
INDEX = ".index"

_LOCK_SECONDS = 10.0
"""Another share that starts holds the lock as long as it takes to see whether there is anything to
repair; one that fetches holds it for hours."""

_SOFTWARE = f"gptpath {__version__}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What became of one link."""

    link: str
    digest: int
    outcome: str
    """`fetched`, or another of `gptpath.text.web.outcomes`."""
    detail: str = ""
    url: str
    """Address of the page: the link, or where it led to."""
    hops: Sequence[str] = ()
    """Addresses that redirected."""
    requests: int = 1
    """Requests made for it, those that failed included."""
    answer: Answer | None = None
    """The page, if it was fetched."""


class Archive:
    """The WARC files of one writer within a folder; other writers have other names."""

    def __init__(self, folder: Path, writer: str, *, file_bytes: int) -> None:
        """Open the folder for `writer`, alone; repairs what a crash has left.

        Raises CorpusError if another process writes under the same name.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._writer = writer
        self._file_bytes = file_bytes
        self._lock = FileLock(_lock_of(folder, writer))
        try:
            self._lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout:
            raise CorpusError(
                f"another process fetches into {folder} as {writer}; wait for it, or give each its "
                "own share of the hosts: gptpath fetch --part 0/2, --part 1/2"
            ) from None
        try:
            repair(folder, writer)
        except BaseException:
            self._lock.release()
            raise
        self._warc: IO[bytes] | None = None
        self._index: IO[bytes] | None = None

    def add(self, visit: Visit) -> int:
        """Keep what became of a link; returns the bytes written."""
        if self._warc is None:
            self._begin_file()
        assert self._warc is not None, "a file has just been begun"
        assert self._index is not None, "a file has its index beside it"
        records = _records(visit)
        self._warc.write(records)
        self._warc.flush()
        end = self._warc.tell()
        self._index.write(b"%d\t%d\t%s\n" % (end, visit.digest, visit.outcome.encode()))
        self._index.flush()
        if end >= self._file_bytes:
            self._end_file()
        return len(records)

    def close(self) -> None:
        """Finish the open file and let other processes write."""
        self._end_file()
        self._lock.release()

    def _begin_file(self) -> None:
        """Open the last file to go on with it, or the next one if that is full."""
        files = warc_files(self._folder, self._writer)
        full = files and files[-1].stat().st_size >= self._file_bytes
        number = len(files) if full or not files else len(files) - 1
        path = self._folder / f"{self._writer}-{number:05d}{ENDING}"
        self._warc = path.open("ab")
        self._index = _index_of(path).open("ab")
        if self._warc.tell() == 0:
            self._warc.write(_information(path.name))

    def _end_file(self) -> None:
        for file in (self._warc, self._index):
            if file is not None:
                file.flush()
                os.fsync(file.fileno())
                file.close()
        self._warc = self._index = None


def warc_files(folder: Path, writer: str | None = None) -> list[Path]:
    """The files of an archive in order, or of one of its writers."""
    return sorted(folder.glob(f"{writer or '*'}-[0-9][0-9][0-9][0-9][0-9]{ENDING}"))


def repair_abandoned(folder: Path) -> None:
    """Repair the files of all writers that no process writes as now."""
    for writer in sorted({path.name.rpartition("-")[0] for path in warc_files(folder)}):
        lock = FileLock(_lock_of(folder, writer))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            repair(folder, writer)
        finally:
            lock.release()


def repair(folder: Path, writer: str) -> None:
    """Make every file of a writer agree with its index: cut off what is not whole."""
    for path in warc_files(folder, writer):
        index = _index_of(path)
        entries = index.read_bytes() if index.is_file() else b""
        whole, newline, _ = entries.rpartition(b"\n")
        entries = whole + newline
        end = int(whole.rpartition(b"\n")[2].partition(b"\t")[0]) if whole else 0
        size = path.stat().st_size
        if end == size and index.is_file() and index.stat().st_size == len(entries):
            continue
        if end > size:  # the index outlived its records: believe the records alone
            entries, end = b"", 0
        _mend(path, entries, end)


def _mend(path: Path, entries: bytes, end: int) -> None:
    found: list[bytes] = []
    for member_end, data in members(path, end):
        fields = fields_of(data)
        if fields:
            end = member_end
            line = b"%d\t%d\t%s\n" % (end, url_digest(fields["link"]), fields["outcome"].encode())
            found.append(line)
    lost = path.stat().st_size - end
    os.truncate(path, end)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(entries + b"".join(found))
    os.replace(temporary, _index_of(path))
    logger.warning(
        "%s and its index disagreed: %d links entered, %d bytes of an unfinished record cut off",
        path.name,
        len(found),
        lost,
    )


def finished_digests(folder: Path, *, final_only: bool = False) -> Digests:
    """Digests of all links with an outcome, or with one that another attempt would not change.

    Sorted, 8 bytes each.
    """
    found = [np.empty(0, dtype=np.uint64)]
    for path in warc_files(folder):
        entries = read_index(path)
        digests = [
            digest for digest, outcome in entries if not final_only or outcome not in PASSING
        ]
        found.append(np.array(digests, dtype=np.uint64))
    return np.unique(np.concatenate(found))


def read_index(path: Path) -> list[tuple[int, str]]:
    """Digest and outcome of the links in a WARC file, in its order."""
    index = _index_of(path)
    whole = index.read_bytes().rpartition(b"\n")[0] if index.is_file() else b""
    entries = (line.decode().split("\t") for line in whole.splitlines())
    return [(int(digest), outcome) for _, digest, outcome in entries]


def _index_of(path: Path) -> Path:
    return path.with_name(path.name + INDEX)


def _lock_of(folder: Path, writer: str) -> Path:
    return folder / f".{writer}.lock"


def _records(visit: Visit) -> bytes:
    """The gzip members of a visit: one for each record."""
    buffer = io.BytesIO()
    writer: Any = web_library("warcio.warcwriter").WARCWriter(buffer, gzip=True, warc_version="1.1")
    concurrent: dict[str, str] = {}
    if visit.answer is not None:
        response = _response(writer, visit.url, visit.answer)
        writer.write_request_response_pair(_request(writer, visit.url, visit.answer), response)
        concurrent["WARC-Concurrent-To"] = response.rec_headers.get_header("WARC-Record-ID")
    fields = [("link", visit.link), ("outcome", visit.outcome), ("requests", str(visit.requests))]
    fields += [("detail", " ".join(visit.detail.split())[:300])] if visit.detail else []
    fields += [("hop", hop) for hop in visit.hops]
    block = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    writer.write_record(
        writer.create_warc_record(
            visit.url,
            "metadata",
            payload=io.BytesIO(block),
            length=len(block),
            warc_content_type="application/warc-fields",
            warc_headers_dict=concurrent,
        )
    )
    return buffer.getvalue()


def _request(writer: Any, url: str, answer: Answer) -> Any:
    status = web_library("warcio.statusandheaders").StatusAndHeaders
    path = "/" + url.split("/", 3)[3]
    headers = status(f"GET {path} HTTP/1.1", list(answer.request), is_http_request=True)
    return writer.create_warc_record(url, "request", http_headers=headers)


def _response(writer: Any, url: str, answer: Answer) -> Any:
    """The record of a response; chunks are gone from the body, so the header changes its name.

    Bytes beyond ASCII are percent-encoded in its head: warcio encodes some of them and fails at
    others.
    """
    status = web_library("warcio.statusandheaders").StatusAndHeaders
    headers = [
        (f"X-Archive-{name}" if name.lower() == "transfer-encoding" else name, _in_ascii(value))
        for name, value in answer.headers
    ]
    return writer.create_warc_record(
        url,
        "response",
        payload=io.BytesIO(answer.body),
        length=len(answer.body),
        http_headers=status(
            f"{answer.status} {_in_ascii(answer.phrase)}", headers, protocol="HTTP/1.1"
        ),
    )


def _in_ascii(value: str) -> str:
    """A header's value, which stands for Latin-1 bytes, with those beyond ASCII as `%E9`."""
    return "".join(c if c.isascii() else f"%{ord(c):02X}" for c in value)


def _information(name: str) -> bytes:
    buffer = io.BytesIO()
    writer: Any = web_library("warcio.warcwriter").WARCWriter(buffer, gzip=True, warc_version="1.1")
    facts = {"software": _SOFTWARE, "format": "WARC File Format 1.1", "robots": "obeyed"}
    writer.write_record(writer.create_warcinfo_record(name, facts))
    return buffer.getvalue()
