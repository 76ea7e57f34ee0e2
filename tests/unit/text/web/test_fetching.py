"""The crawler against a local site: what becomes of links, shares and its archive."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gptpath.errors import ConfigError, CorpusError
from gptpath.text.web import archive
from gptpath.text.web.archive import Archive
from gptpath.text.web.fetching import Share
from tests.unit.text.web.local_site import crawl, outcome, read_archive


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


def test_a_share_is_fetched_by_one_process_at_a_time(site, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(archive, "_LOCK_SECONDS", 0.1)
    held = Archive(tmp_path / "webtext-archive", "fetch0-0-of-1", file_bytes=1)
    try:
        with pytest.raises(CorpusError, match="--part"):
            crawl(tmp_path, [site.url("/page")])
    finally:
        held.close()


def test_a_share_waits_while_another_that_starts_looks_at_its_files(tmp_path) -> None:
    folder = tmp_path / "webtext-archive"
    held = Archive(folder, "fetch0-0-of-2", file_bytes=1)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(Archive, folder, "fetch0-0-of-2", file_bytes=1)
        time.sleep(0.2)
        held.close()
        waiting.result().close()


def test_a_crawler_without_an_address_of_its_owner_does_not_start(site, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"fetch\.contact"):
        crawl(tmp_path, [site.url("/page")], contact="")


def test_dumps_packed_in_another_way_are_named(site, tmp_path, caplog) -> None:
    site.page("/page")
    (tmp_path / "RS_2011-01.bz2").write_bytes(b"BZh9")
    (tmp_path / "notes.txt").write_text("no dump")
    assert outcome(site, tmp_path) == "document"
    [warning] = [record.getMessage() for record in caplog.records if "dump" in record.getMessage()]
    assert warning.startswith("1 dump files of the source 'webtext' are not read, RS_2011-01.bz2")


def test_a_share_beyond_the_last_is_refused() -> None:
    with pytest.raises(ConfigError, match="0/4 to 3/4"):
        Share(part=4, parts=4)


def test_a_missing_library_is_named_with_its_remedy(site, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "httpcore", None)
    with pytest.raises(ConfigError, match=r"httpcore.*pip install 'gptpath\[web\]'"):
        crawl(tmp_path, [site.url("/page")])
