"""The crawler against a local site: what is fetched, what is not and why, and how politely."""

import gzip
import socket
import sys
import time
import zlib
from itertools import pairwise
from pathlib import Path

import pytest

from gptpath.errors import ConfigError, CorpusError
from gptpath.text.web.archive import Archive
from gptpath.text.web.fetching import Share
from tests.unit.text.web.local_site import (
    Site,
    answer,
    crawl,
    read_archive,
    reset,
    serve,
    story,
)


@pytest.fixture
def site():
    with serve() as running:
        yield running


def outcome(site: Site, raw: Path, path: str = "/page", **changes) -> str:
    """What becomes of one link."""
    crawl(raw, [site.url(path)], **changes)
    documents, reasons = read_archive(raw)
    [link] = [*documents, *reasons]
    return reasons.get(link, "document")


def test_a_page_becomes_a_document_without_its_furniture(site, tmp_path) -> None:
    site.page("/page")
    crawl(tmp_path, [site.url("/page")])
    [document] = read_archive(tmp_path)[0].values()
    assert "So it is told of /page." in document.text
    assert "All rights reserved" not in document.text
    assert document.location == site.url("/page")
    assert (document.source, document.kind, document.group) == ("webtext", "webtext", "127.0.0.1")


def test_nothing_is_fetched_twice_by_a_second_run(site, tmp_path) -> None:
    site.page("/a")
    site.always("/gone", 410)
    urls = [site.url("/a"), site.url("/gone")]
    assert crawl(tmp_path, urls).requests > 0
    before = dict(site.hits)
    assert crawl(tmp_path, urls).requests == 0
    assert dict(site.hits) == before


def test_a_link_submitted_twice_is_fetched_once(site, tmp_path) -> None:
    site.page("/a")
    report = crawl(tmp_path, [site.url("/a"), site.url("/./a#part"), site.url("/a?utm_source=x")])
    assert (site.hits["/a"], report.links.links) == (1, 1)
    assert report.links.dropped == {"link_duplicate": 2}


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed(code, site, tmp_path) -> None:
    site.redirect("/page", "/moved", code)
    site.page("/moved")
    crawl(tmp_path, [site.url("/page")])
    [document] = read_archive(tmp_path)[0].values()
    assert document.location == site.url("/page")
    assert document.metadata["url"] == site.url("/moved")


def test_redirects_end(site, tmp_path) -> None:
    site.redirect("/a", "/b")
    site.redirect("/b", "/a")
    site.redirect("/self", "/self")
    for number in range(6):
        site.redirect(f"/far{number}", f"/far{number + 1}")
    site.redirect("/mail", "mailto:someone@example.org")
    site.always("/nowhere", 302)
    paths = ("/a", "/self", "/far0", "/mail", "/nowhere")
    crawl(tmp_path, [site.url(path) for path in paths])
    _, reasons = read_archive(tmp_path)
    assert [reasons[site.url(path)] for path in paths] == [
        "fetch_redirect_loop",
        "fetch_redirect_loop",
        "fetch_too_many_redirects",
        "fetch_redirect_unusable",
        "fetch_redirect_unusable",
    ]
    assert site.hits["/far4"] == 0


def test_redirects_to_blocked_domains_are_not_followed(site, tmp_path) -> None:
    site.redirect("/page", "http://en.wikipedia.org/wiki/Ship")
    assert outcome(site, tmp_path) == "fetch_redirect_to_blocked_domain"


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/",
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]:1/",
        "http://[::ffff:10.0.0.1]/",
    ],
)
def test_redirects_to_addresses_that_are_not_public_are_refused(target, site, tmp_path) -> None:
    site.redirect("/page", target)
    expected = "fetch_address_refused"
    if "127.0.0.1" in target:  # the one that these tests allow: nobody listens at port 1
        expected = "fetch_no_connection"
    assert outcome(site, tmp_path) == expected


def test_this_machine_is_refused_unless_it_is_allowed(site, tmp_path) -> None:
    site.page("/page")
    assert outcome(site, tmp_path, allow_private=()) == "fetch_address_refused"
    assert not site.hits


def test_a_name_that_changes_its_address_leads_nowhere_else(site, tmp_path) -> None:
    asked = []

    async def rebinding(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    site.page("/page")
    site.page("/other")
    crawl(tmp_path, [site.url(p, "a.test") for p in ("/page", "/other")], resolve=rebinding)
    documents, _ = read_archive(tmp_path)
    assert {d.group for d in documents.values()} == {"a.test"}
    assert len(documents) == 2
    assert asked == ["a.test"]
    assert site.hosts == {f"a.test:{site.port}"}


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


def test_robots_rules_are_obeyed_also_after_redirects(site, tmp_path) -> None:
    rules = "User-agent: *\nDisallow: /private\n\nUser-agent: gptpath\nDisallow: /no\n"
    site.page("/robots.txt", rules, content_type="text/plain")
    for path in ("/no/page", "/private", "/yes"):
        site.page(path)
    site.redirect("/way", "/no/page")
    crawl(tmp_path, [site.url(path) for path in ("/no/page", "/private", "/yes", "/way")])
    documents, reasons = read_archive(tmp_path)
    assert set(documents) == {site.url("/yes"), site.url("/private")}
    assert set(reasons.values()) == {"fetch_robots_disallowed"}
    assert (site.hits["/robots.txt"], site.hits["/no/page"]) == (1, 0)
    assert all(agent.startswith("gptpath/") for agent in site.agents)


@pytest.mark.parametrize("code", [401, 403, 404])
def test_without_robots_rules_everything_is_allowed(code, site, tmp_path) -> None:
    site.always("/robots.txt", code)
    site.page("/page")
    assert outcome(site, tmp_path) == "document"


@pytest.mark.parametrize("code", [429, 500, 503])
def test_while_robots_rules_are_unknown_nothing_is_fetched(code, site, tmp_path) -> None:
    site.always("/robots.txt", code)
    site.page("/page")
    assert outcome(site, tmp_path) == "fetch_robots_unreachable"
    assert site.hits["/page"] == 0


def test_robots_rules_that_come_late_are_waited_for(site, tmp_path) -> None:
    left = [500]

    def handle(request) -> None:
        code = left.pop() if left else 200
        answer(request, code, b"User-agent: *\nDisallow: /no", {"content_type": "text/plain"})

    site.raw("/robots.txt", handle)
    site.page("/page")
    site.page("/no")
    crawl(tmp_path, [site.url("/page"), site.url("/no")])
    documents, reasons = read_archive(tmp_path)
    assert set(documents) == {site.url("/page")}
    assert reasons == {site.url("/no"): "fetch_robots_disallowed"}


def test_of_huge_robots_rules_the_beginning_counts(site, tmp_path) -> None:
    rules = "User-agent: *\nDisallow: /no\n" + "# filler\n" * 100_000
    site.page("/robots.txt", rules, content_type="text/plain")
    site.page("/no")
    assert outcome(site, tmp_path, "/no") == "fetch_robots_disallowed"


def test_a_crawl_delay_is_kept_up_to_a_limit(site, tmp_path) -> None:
    site.page("/robots.txt", "User-agent: *\nCrawl-delay: 0.3\n", content_type="text/plain")
    paths = [f"/{number}" for number in range(4)]
    for path in paths:
        site.page(path)
    crawl(tmp_path / "kept", [site.url(path) for path in paths])
    starts = sorted(at for path in paths for at in site.times[path])
    assert min(b - a for a, b in pairwise(starts)) >= 0.28
    crawl(tmp_path / "left", [site.url(path) for path in paths], max_crawl_delay_seconds=0.1)
    assert set(read_archive(tmp_path / "left")[1].values()) == {"fetch_crawl_delay_too_long"}


def test_a_host_is_asked_at_its_rate_and_on_few_connections(site, tmp_path) -> None:
    paths = [f"/{number}" for number in range(6)]
    for path in paths:
        site.page(path)
    crawl(tmp_path, [site.url(path) for path in paths], seconds_per_host=0.1)
    starts = sorted(at for path in paths for at in site.times[path])
    assert min(b - a for a, b in pairwise(starts)) >= 0.08
    assert site.most_active == 1


def test_several_hosts_are_asked_at_once(site, tmp_path) -> None:
    for number in range(8):
        site.raw(
            f"/{number}",
            lambda request: (
                time.sleep(0.2),
                answer(request, 200, story("x").encode(), {"content_type": "text/html"}),
            ),
        )
    crawl(tmp_path, [site.url(f"/{number}", f"h{number}.test") for number in range(8)])
    assert site.most_active > 2


def test_shares_fetch_everything_once_and_keep_domains_together(site, tmp_path) -> None:
    urls = []
    for number in range(40):
        site.page(f"/{number}")
        urls.append(site.url(f"/{number}", f"www{number % 2}.site{number // 4}.test"))
    outcomes = [
        sum(crawl(tmp_path, urls, share=Share(part=part, parts=3)).outcomes.values())
        for part in range(3)
    ]
    assert sum(outcomes) == 40
    assert max(outcomes) < 40
    assert max(site.hits[f"/{number}"] for number in range(40)) == 1
    assert len(read_archive(tmp_path)[0]) == 40


def test_failures_that_may_have_passed_are_tried_anew_on_request(site, tmp_path) -> None:
    site.status("/flaky", 500, 500, 500)
    site.always("/gone", 404)
    site.page("/fine")
    urls = [site.url(path) for path in ("/flaky", "/gone", "/fine")]
    crawl(tmp_path, urls)
    assert read_archive(tmp_path)[1][urls[0]] == "fetch_status_500"
    crawl(tmp_path, urls)
    assert site.hits["/flaky"] == 3
    crawl(tmp_path, urls, again=True)
    documents, reasons = read_archive(tmp_path)
    assert set(documents) == {urls[0], urls[2]}
    assert reasons == {urls[1]: "fetch_status_404"}
    assert (site.hits["/gone"], site.hits["/fine"]) == (1, 1)


def test_files_of_the_archive_are_bounded(site, tmp_path) -> None:
    for number in range(12):
        site.page(f"/{number}")
    crawl(tmp_path, [site.url(f"/{n}") for n in range(12)], archive_file_bytes=4000)
    sizes = [path.stat().st_size for path in tmp_path.rglob("*.warc.gz")]
    assert len(sizes) > 2
    assert max(sizes) < 6000
    assert len(read_archive(tmp_path)[0]) == 12


def test_a_share_is_fetched_by_one_process_at_a_time(site, tmp_path) -> None:
    held = Archive(tmp_path / "webtext-archive", "fetch0-0-of-1", file_bytes=1)
    try:
        with pytest.raises(CorpusError, match="--part"):
            crawl(tmp_path, [site.url("/page")])
    finally:
        held.close()


def test_a_crawler_without_an_address_of_its_owner_does_not_start(site, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"fetch\.contact"):
        crawl(tmp_path, [site.url("/page")], contact="")


def test_a_share_beyond_the_last_is_refused() -> None:
    with pytest.raises(ConfigError, match="0/4 to 3/4"):
        Share(part=4, parts=4)


def test_a_missing_library_is_named_with_its_remedy(site, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "httpcore", None)
    with pytest.raises(ConfigError, match=r"httpcore.*pip install 'gptpath\[web\]'"):
        crawl(tmp_path, [site.url("/page")])
