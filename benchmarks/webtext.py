"""What a WebText costs: links of a dump, fetching, extraction, in rates and in memory.

    python benchmarks/webtext.py [links] [fetch] [extract]

Input is made here: submissions of the size of real ones, and a server on this machine whose pages
are as large as real ones. So the rate of fetching is that of this side alone, with no network.
"""

import asyncio
import gzip
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import zstandard

from gptpath.config.ingest import WebText
from gptpath.config.web import Extraction, Fetch
from gptpath.events import ignore
from gptpath.text.web.extraction import extract
from gptpath.text.web.fetching import fetch
from gptpath.text.web.link_list import make_link_list

SPAWN = multiprocessing.get_context("spawn")
PAGES = 6000
HOSTS = 600
WORDS = ("the", "of", "and", "to", "in", "he", "was", "that", "it", "his", "her", "with", "as")


def submissions(count: int) -> Iterator[bytes]:
    """Lines like those of a dump: two in five with an outbound link and enough karma."""
    choose = random.Random(0)
    filler = {f"field_{n}": "x" * 20 for n in range(30)}
    for number in range(count):
        host = f"www.site{int(choose.paretovariate(0.5)) % 200_000}.com"
        entry = {
            "url": f"http://{host}/2017/{choose.randrange(10 * count)}/title-of-story.html?p=1",
            "score": choose.choice((0, 1, 5, 50)),
            "is_self": choose.random() < 0.2,
            "created_utc": 1500000000 + number,
            "subreddit": "news",
            "over_18": False,
            **filler,
        }
        yield json.dumps(entry).encode() + b"\n"


def links() -> None:
    """Rate and peak memory of making the list, at two sizes."""
    for count in (100_000, 1_000_000):
        with tempfile.TemporaryDirectory() as name:
            dump = Path(name, "RS_2017-12.zst")
            size = 0
            with dump.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as out:
                for line in submissions(count):
                    size += len(line)
                    out.write(line)
            began = time.perf_counter()
            found, memory = in_process(make_list, dump, Path(name, "list"))
            seconds = time.perf_counter() - began
            disk = sum(path.stat().st_size for path in Path(name, "list").rglob("*.parquet"))
            say(
                f"links: {count:,} submissions, {size / 1e6:,.0f} MB of JSON:"
                f" {count / seconds:,.0f} submissions/s, {size / seconds / 1e6:.0f} MB/s,"
                f" {found:,} links, peak {memory} MB, {disk / found:.0f} bytes of disk a link"
            )


def make_list(dump: Path, folder: Path) -> int:
    """Make the list in this process; returns its links."""
    with ThreadPoolExecutor(1) as executor:
        return make_link_list([dump], folder, WebText(), executor=executor, emit=ignore).links


def in_process(function: Callable[..., int], *arguments: object) -> tuple[int, int]:
    """Result of a function in a new process, and that process's peak memory in MB."""
    with ProcessPoolExecutor(1, mp_context=SPAWN) as executor:
        found = executor.submit(function, *arguments).result()
        return found, executor.submit(peak).result()


def peak() -> int:
    """Peak memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def make_page(number: int) -> str:
    """About 45 KB of markup around 5 KB of text."""
    choose = random.Random(number)
    menu = "".join(
        f'<li class="menu-item menu-item-{n}"><a href="/section/{n}?from=menu">Section {n}</a></li>'
        for n in range(400)
    )
    paragraphs = "".join(
        f"<p>{' '.join(choose.choices(WORDS, k=70)).capitalize()}.</p>" for _ in range(16)
    )
    return (
        f"<!doctype html><html><head><title>Story {number}</title></head><body><nav><ul>{menu}</ul>"
        f"</nav><article><h1>Story {number}</h1>{paragraphs}</article></body></html>"
    )


def serve(port: "multiprocessing.Queue[int]") -> None:
    """Serve packed pages to anybody on this machine until killed."""
    body = gzip.compress(make_page(1).encode())
    head = b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n%s\r\n"
    page = head % (b"200 OK", len(body), b"Content-Encoding: gzip\r\n") + body
    missing = head % (b"404 Not Found", 0, b"")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                writer.write(missing if b"/robots.txt" in request[:40] else page)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=512)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def resolve(host: str) -> list[str]:
    """Every host is this machine."""
    return ["127.0.0.1"]


def crawl(raw: Path) -> int:
    """Fetch everything in this process; returns the pages."""
    limits = Fetch(contact="benchmark", seconds_per_host=0.0, allow_private=("127.0.0.1/32",))
    with ThreadPoolExecutor(1) as executor:
        report = fetch(WebText(fetch=limits), raw, executor=executor, emit=ignore, resolve=resolve)
    return report.outcomes["fetched"]


def fetching() -> None:
    """Rate and peak memory of fetching from many hosts that all answer at once."""
    ports: multiprocessing.Queue[int] = SPAWN.Queue()
    server = SPAWN.Process(target=serve, args=(ports,), daemon=True)
    server.start()
    port = ports.get(timeout=60)
    with tempfile.TemporaryDirectory() as name:
        entries = (
            {"url": f"http://h{n % HOSTS}.test:{port}/{n}", "score": 5, "created_utc": 1}
            for n in range(PAGES)
        )
        Path(name, "RS").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        began = time.perf_counter()
        found, memory = in_process(crawl, Path(name))
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(name).rglob("*.warc.gz"))
    server.kill()
    say(
        f"fetch: {found:,} pages of {HOSTS} hosts: {found / seconds:.0f} pages/s, peak {memory} MB,"
        f" {size / found / 1e3:.1f} KB of archive a page"
    )


def extraction() -> None:
    """Rate of taking the main text out of pages, on one core."""
    pages = [make_page(number).encode() for number in range(100)]
    extract(pages[0], "text/html", Extraction())
    began = time.perf_counter()
    for page in pages:
        assert not isinstance(extract(page, "text/html", Extraction()), str)
    seconds = time.perf_counter() - began
    size = sum(map(len, pages))
    say(f"extract: {len(pages) / seconds:.0f} pages/s, {size / seconds / 1e6:.1f} MB/s of HTML")


def say(line: str) -> None:
    """Write a result."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


PARTS = {"links": links, "fetch": fetching, "extract": extraction}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
