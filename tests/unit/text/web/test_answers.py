"""The crawler against a local site: what it makes of statuses, bodies and broken connections."""

import gzip
import socket
import time
import zlib

import pytest

from tests.unit.text.web.local_site import answer, crawl, outcome, read_archive, reset, story


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 451])
def test_final_statuses_are_not_tried_again(code, site, tmp_path) -> None:
    site.always("/page", code)
    assert outcome(site, tmp_path) == f"fetch_status_{code}"
    assert site.hits["/page"] == 1


def test_a_server_that_recovers_gets_its_page_fetched(site, tmp_path) -> None:
    site.status("/page", 503, 500)
    assert outcome(site, tmp_path) == "document"
    assert site.hits["/page"] == 3


def test_a_server_that_does_not_recover_is_given_up(site, tmp_path) -> None:
    site.always("/page", 500)
    assert outcome(site, tmp_path) == "fetch_status_500"
    assert site.hits["/page"] == 3


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_honoured_for_the_whole_host(code, site, tmp_path) -> None:
    site.status("/page", code, retry_after="1")
    site.page("/other")
    crawl(tmp_path, [site.url("/page"), site.url("/other")], connections_per_host=1)
    first, second = site.times["/page"]
    assert second - first >= 1.0
    [other] = site.times["/other"]
    assert not first < other < second - 0.1


def test_retry_after_is_bounded(site, tmp_path) -> None:
    site.status("/page", 429, retry_after="86400")
    began = time.monotonic()
    assert outcome(site, tmp_path, max_backoff_seconds=0.2) == "document"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("header", ["soon", "-5", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"])
def test_retry_after_may_be_nonsense(header, site, tmp_path) -> None:
    site.status("/page", 429, retry_after=header)
    assert outcome(site, tmp_path) == "document"


def test_slow_hosts_time_out_and_hold_nobody_up(site, tmp_path) -> None:
    def drip(request) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.end_headers()
        for _ in range(40):
            request.wfile.write(b"<p>")
            request.wfile.flush()
            time.sleep(0.1)

    site.raw("/silent", lambda request: time.sleep(1.0))
    site.raw("/dripping", drip)
    site.page("/page")
    hosts = {"/silent": "a.test", "/dripping": "b.test", "/page": "c.test"}
    began = time.monotonic()
    crawl(tmp_path, [site.url(path, host) for path, host in hosts.items()], attempts=1)
    assert time.monotonic() - began < 5
    documents, reasons = read_archive(tmp_path)
    assert list(documents) == [site.url("/page", "c.test")]
    assert set(reasons.values()) == {"fetch_timed_out"}


def test_huge_bodies_are_not_read_to_their_end(site, tmp_path) -> None:
    sent = {"/endless": 0}

    def endless(request) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        while sent["/endless"] < 50_000_000:
            request.wfile.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
            sent["/endless"] += 0x8000

    site.raw("/endless", endless)
    site.page("/announced", b"<p>" + b"x" * 200_000)
    crawl(tmp_path, [site.url("/endless"), site.url("/announced")])
    assert set(read_archive(tmp_path)[1].values()) == {"fetch_too_large"}
    assert sent["/endless"] < 20_000_000


def test_bodies_that_unpack_to_too_much_are_refused(site, tmp_path) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    site.page("/page", bomb, content_encoding="gzip")
    assert outcome(site, tmp_path) == "fetch_too_large"


@pytest.mark.parametrize("packed", ["gzip", "deflate", "raw deflate"])
def test_packed_pages_are_unpacked(packed, site, tmp_path) -> None:
    page = story("/page").encode()
    body = {
        "gzip": gzip.compress(page),
        "deflate": zlib.compress(page),
        "raw deflate": zlib.compress(page)[2:-4],
    }[packed]
    site.page("/page", body, content_encoding=packed.removeprefix("raw "))
    assert outcome(site, tmp_path) == "document"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"\x1f\x8b damaged", "gzip"), (b"?", "br"), (gzip.compress(b"x" * 99)[:-9], "gzip")],
)
def test_bodies_that_cannot_be_unpacked_are_counted(body, encoding, site, tmp_path) -> None:
    site.page("/page", body, content_encoding=encoding)
    assert outcome(site, tmp_path) == "fetch_body_undecodable"


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/json"])
def test_other_content_types_are_not_read(kind, site, tmp_path) -> None:
    site.page("/page", content_type=kind)
    assert outcome(site, tmp_path) == "fetch_content_type"


def test_pages_without_a_content_type_are_looked_at(site, tmp_path) -> None:
    site.page("/page", content_type="")
    site.page("/bytes", b"\0\1\2" * 300, content_type="")
    crawl(tmp_path, [site.url("/page"), site.url("/bytes")])
    documents, reasons = read_archive(tmp_path)
    assert list(documents) == [site.url("/page")]
    assert "<p>" not in documents[site.url("/page")].text
    assert reasons == {site.url("/bytes"): "page_not_text"}


def test_connections_that_break_are_tried_again(site, tmp_path) -> None:
    left = [reset, reset]

    def handle(request) -> None:
        if left:
            left.pop()(request)
        else:
            answer(request, 200, story("/page").encode(), {"content_type": "text/html"})

    site.raw("/page", handle)
    assert outcome(site, tmp_path) == "document"


def test_what_is_not_http_is_counted(site, tmp_path) -> None:
    def handle(request) -> None:
        request.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        request.close_connection = True

    site.raw("/page", handle)
    assert outcome(site, tmp_path) == "fetch_not_http"


def test_hosts_that_cannot_be_reached_are_given_up(tmp_path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]  # bound, but nobody listens
        report = crawl(tmp_path, [f"http://127.0.0.1:{port}/{n}" for n in range(30)])
    assert report.outcomes["fetch_host_given_up"] >= 27
    assert sum(report.outcomes.values()) == 30
    assert report.requests <= 5


def test_names_that_do_not_exist_are_counted(tmp_path) -> None:
    async def unknown(host: str) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    report = crawl(tmp_path, ["http://nowhere.invalid/"], resolve=unknown)
    assert report.outcomes == {"fetch_name_unknown": 1}


def test_heads_of_answers_may_hold_any_bytes(site, tmp_path) -> None:
    def greet(request) -> None:
        head = (
            "HTTP/1.1 200 Всё хорошо\r\nContent-Type: text/html\r\nX-Title: café au lait\r\n"
            'Link: <https://example.org/é>; rel="canonical"\r\nContent-Length: '
        )
        body = story("/page").encode()
        request.wfile.write(head.encode() + f"{len(body)}\r\n\r\n".encode() + body)

    site.raw("/page", greet)
    site.page("/other")
    crawl(tmp_path, [site.url("/page"), site.url("/other")])
    documents, _ = read_archive(tmp_path)
    assert set(documents) == {site.url("/page"), site.url("/other")}
