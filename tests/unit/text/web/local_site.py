"""A web site of the test process, on 127.0.0.1: pages, and everything that can go wrong."""

import gzip
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gptpath.config.ingest import WebText
from gptpath.config.web import Fetch
from gptpath.events import ignore
from gptpath.text.documents import Document
from gptpath.text.sources.source import Dropped
from gptpath.text.sources.webtext import WebTextSource
from gptpath.text.web.addresses import Resolve
from gptpath.text.web.fetching import FetchReport, Share, fetch

Handler = Callable[["Site", BaseHTTPRequestHandler], None]

SENTENCES = (
    "The ship went slowly over the quiet water of the bay while the crew looked at the shore.",
    "Nobody on the land had seen such a vessel before that day, and children ran to the pier.",
    "The captain said nothing, for he had promised to keep the errand of the company secret.",
    "A boat came from the harbour with two men who asked for the papers and the cargo list.",
)

FAST = Fetch(
    contact="tests@example.org",
    concurrency=16,
    seconds_per_host=0.0,
    connect_timeout_seconds=1.0,
    read_timeout_seconds=0.4,
    total_timeout_seconds=1.5,
    max_page_bytes=100_000,
    max_redirects=3,
    attempts=3,
    backoff_seconds=0.02,
    max_backoff_seconds=1.0,
    host_failures=3,
    allow_private=("127.0.0.1/32",),
)


def story(name: str) -> str:
    """A page with some paragraphs that no other page has, and some furniture around."""
    paragraphs = "".join(f"<p>{sentence} So it is told of {name}.</p>" for sentence in SENTENCES)
    return (
        f"<!doctype html><html><head><title>{name}</title></head><body><nav><a href='/'>Home</a>"
        f"<a href='/more'>More</a></nav><article><h1>{name}</h1>{paragraphs}</article>"
        "<footer>All rights reserved</footer></body></html>"
    )


class Site:
    """What the server answers by path, and what it was asked."""

    def __init__(self) -> None:
        self.routes: dict[str, Handler] = {}
        self.hits: Counter[str] = Counter()
        self.times: dict[str, list[float]] = {}
        self.agents: set[str] = set()
        self.hosts: set[str] = set()
        self.active = 0
        self.most_active = 0
        self.lock = threading.Lock()
        self.port = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def page(self, path: str, body: str | bytes | None = None, **headers: str) -> None:
        """Answer 200 with a page; by default a story named after its path."""
        content = story(path) if body is None else body
        content = content.encode() if isinstance(content, str) else content
        headers.setdefault("content_type", "text/html; charset=utf-8")
        self.routes[path] = lambda _, request: answer(request, 200, content, headers)

    def status(self, path: str, *codes: int, **headers: str) -> None:
        """Answer with these statuses in turn, then with a story."""
        left = list(codes)

        def handle(_: "Site", request: BaseHTTPRequestHandler) -> None:
            code = left.pop(0) if left else 200
            own = headers if code != 200 else {"content_type": "text/html"}
            answer(request, code, story(path).encode(), own)

        self.routes[path] = handle

    def always(self, path: str, code: int, **headers: str) -> None:
        self.routes[path] = lambda _, request: answer(request, code, b"no", headers)

    def redirect(self, path: str, target: str, code: int = 302) -> None:
        self.always(path, code, location=target)

    def raw(self, path: str, handler: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.routes[path] = lambda _, request: handler(request)


def answer(
    request: BaseHTTPRequestHandler, code: int, body: bytes, headers: Mapping[str, str]
) -> None:
    request.send_response(code)
    for name, value in headers.items():
        if value:
            request.send_header(name.replace("_", "-").title(), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def reset(request: BaseHTTPRequestHandler) -> None:
    """Break the connection off with a reset."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


@contextmanager
def serve() -> Generator[Site]:
    """Serve a new site until the context ends."""
    site = Site()

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path
            with site.lock:
                site.hits[path] += 1
                site.times.setdefault(path, []).append(time.monotonic())
                site.agents.add(self.headers["User-Agent"])
                site.hosts.add(self.headers["Host"])
                site.active += 1
                site.most_active = max(site.most_active, site.active)
            try:
                handler = site.routes.get(path)
                if handler is None:
                    answer(self, 404, b"not found", {"content_type": "text/html"})
                else:
                    handler(site, self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with site.lock:
                    site.active -= 1

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            del request, client_address  # clients that go away are part of the tests

    server = Server(("127.0.0.1", 0), Requests)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_dump(raw: Path, urls: Sequence[str], **fields: object) -> None:
    """Write submissions of these addresses, with enough karma, as a dump."""
    raw.mkdir(parents=True, exist_ok=True)
    rows = [{"url": u, "score": 5, "created_utc": 1400000000, **fields} for u in urls]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (raw / "RS_2014-05.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


async def local_names(host: str) -> Sequence[str]:
    """Every host below `test` is this machine; others are what they say they are."""
    return ["127.0.0.1"] if host.endswith(".test") else [host]


def settings(**changes: object) -> WebText:
    """Settings with small limits; `changes` are those of Fetch."""
    return WebText(fetch=replace(FAST, **changes))


def crawl(
    raw: Path,
    urls: Sequence[str],
    *,
    share: Share | None = None,
    again: bool = False,
    resolve: Resolve = local_names,
    **changes: object,
) -> FetchReport:
    """Fetch these addresses into the archive below `raw`."""
    write_dump(raw, urls)
    with ThreadPoolExecutor(2) as executor:
        return fetch(
            settings(**changes),
            raw,
            executor=executor,
            emit=ignore,
            share=share,
            again=again,
            resolve=resolve,
        )


def read_archive(raw: Path) -> tuple[dict[str, Document], dict[str, str]]:
    """Documents by location, and reasons of the others."""
    source = WebTextSource(settings=settings(), raw=raw)
    found = [one for unit in source.units() for one in source.read(unit)]
    documents = [one for one in found if isinstance(one, Document)]
    dropped = [one for one in found if isinstance(one, Dropped)]
    by_location = {document.location: document for document in documents}
    reasons = {one.location: one.reason for one in dropped}
    assert len(by_location) + len(reasons) == len(found), "each link has one outcome"
    return by_location, reasons


def outcome(site: Site, raw: Path, path: str = "/page", **changes: object) -> str:
    """What becomes of one link."""
    crawl(raw, [site.url(path)], **changes)
    documents, reasons = read_archive(raw)
    [link] = [*documents, *reasons]
    return reasons.get(link, "document")
