import gzip
import io
import json
import time
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import zstandard

from gptpath.config.ingest import WebText
from gptpath.errors import CorpusError
from gptpath.events import ignore
from gptpath.text.web import link_list
from gptpath.text.web.link_list import LinkList, is_among, make_link_list, slot_of
from gptpath.text.web.links import Rules, read_links, url_digest

NOTHING = np.empty(0, dtype=np.uint64)


def submission(url: str = "http://example.com/a", **fields: object) -> dict[str, object]:
    return {
        "url": url,
        "score": 3,
        "created_utc": 1512000000,
        "subreddit": "books",
        "is_self": False,
        "over_18": False,
    } | fields


def judge(entry: object, **changes: object):
    return Rules.of(replace(WebText(), **changes)).judge(json.dumps(entry).encode())


def test_a_good_submission_is_a_link() -> None:
    link = judge(submission("http://Example.com/a#top", score="7", created_utc="1512000000"))
    assert (link.url, link.score) == ("http://example.com/a", 7)
    assert link.digest == url_digest("http://example.com/a")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (submission(score=2), "link_low_karma"),
        (submission(is_self=True), "link_not_outbound"),
        (submission("/r/books/comments/1"), "link_not_outbound"),
        (submission("https://www.reddit.com/r/books"), "link_not_outbound"),
        (submission("https://i.redd.it/x"), "link_not_outbound"),
        (submission("ftp://example.com/"), "link_not_web"),
        (submission("http://"), "link_not_web"),
        (submission(created_utc=1514764800), "link_after_cutoff"),
        (submission("https://en.wikipedia.org/wiki/Ship"), "link_domain_blocked"),
        (submission("http://example.com/a.JPG?x=1"), "link_media_file"),
        (submission("http://example.com/paper.pdf"), "link_media_file"),
        (submission(over_18=True), "link_over_18"),
        ({"url": "http://example.com/"}, "link_malformed"),
        ([1, 2], "link_malformed"),
        (submission(score=None), "link_malformed"),
    ],
)
def test_other_submissions_have_a_reason(entry: object, reason: str) -> None:
    assert judge(entry) == reason


def test_the_last_moment_before_the_cut_off_counts() -> None:
    assert not isinstance(judge(submission(created_utc=1514764799)), str)


def test_subreddits_can_be_left_out() -> None:
    assert judge(submission(), blocked_subreddits=("Books",)) == "link_subreddit_blocked"


def test_addresses_are_taken_out_of_html_but_parameters_stay() -> None:
    link = judge(submission("http://example.com/?a=1&amp;copy=2&lt=3"))
    assert link.url == "http://example.com/?a=1&copy=2&lt=3"


def packed(lines: bytes, how: str) -> bytes:
    if how == ".gz":
        return gzip.compress(lines)
    if how == ".zst":  # published dumps need a window beyond zstd's usual limit
        parameters = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True)
        out = io.BytesIO()
        compressor = zstandard.ZstdCompressor(compression_params=parameters)
        with compressor.stream_writer(out, closefd=False) as writer:
            writer.write(lines)
        return out.getvalue()
    return lines


@pytest.mark.parametrize("how", ["", ".gz", ".zst"])
def test_dumps_are_read_plain_and_packed(how: str, tmp_path: Path) -> None:
    lines = b"".join(
        json.dumps(submission(f"http://example.com/{n}")).encode() + b"\n" for n in range(50)
    )
    dump = tmp_path / f"RS_2017-12{how}"
    dump.write_bytes(packed(lines + b"not json\n\n", how))
    dropped: Counter[str] = Counter()
    assert len(list(read_links(dump, WebText(), dropped))) == 50
    assert dropped == {"link_malformed": 1}


def test_a_dump_that_is_cut_off_yields_what_comes_before(tmp_path: Path) -> None:
    lines = b"".join(
        json.dumps(submission(f"http://example.com/{n}")).encode() + b"\n" for n in range(5000)
    )
    dump = tmp_path / "RS_2017-12.gz"
    dump.write_bytes(gzip.compress(lines)[:-2000])
    dropped: Counter[str] = Counter()
    assert 0 < len(list(read_links(dump, WebText(), dropped))) < 5000
    assert dropped["dump_damaged"] == 1


def write(path: Path, entries: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def make(folder: Path, dumps: list[Path], workers: int = 2) -> LinkList:
    with ThreadPoolExecutor(workers) as executor:
        return make_link_list(dumps, folder, WebText(), executor=executor, emit=ignore)


def table(links: LinkList) -> pl.DataFrame:
    return pl.read_parquet(links.folder / "links-*.parquet")


def test_each_address_is_kept_once_with_its_highest_score(tmp_path: Path) -> None:
    first = write(tmp_path / "RS_1", [submission(score=4), submission(score=9, created_utc=7)])
    second = write(tmp_path / "RS_2", [submission(score=9, created_utc=5), submission(score=8)])
    links = make(tmp_path / "list", [first, second])
    assert table(links).select("score", "created").rows() == [(9, 5)]
    assert (links.links, links.dropped) == (1, {"link_duplicate": 3})


def many(tmp_path: Path) -> list[Path]:
    dumps = []
    for number in range(3):
        entries = [
            submission(f"http://h{n % 17}.site{n % 5}.org/{n % 400}", score=3 + n % 7)
            for n in range(number * 100, number * 100 + 500)
        ]
        dumps.append(write(tmp_path / f"RS_{number}", entries))
    return dumps


@pytest.mark.parametrize("files", [1, 8])
def test_the_list_is_the_same_bytes_for_any_number_of_workers(
    files: int, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(link_list, "_file_count", lambda size: files)
    monkeypatch.setattr(link_list, "_CHUNK", 64)
    dumps = many(tmp_path)
    one = make(tmp_path / "one", dumps, workers=1)
    four = make(tmp_path / "four", dumps, workers=4)
    names = sorted(path.name for path in one.folder.iterdir())
    assert names == sorted(path.name for path in four.folder.iterdir())
    assert len(names) == files + 1
    for name in names:
        assert (one.folder / name).read_bytes() == (four.folder / name).read_bytes()


@pytest.mark.parametrize("files", [1, 8])
def test_the_order_goes_round_the_hosts(files: int, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(link_list, "_file_count", lambda size: files)
    links = make(tmp_path / "list", many(tmp_path))
    hosts = [target.url.split("/")[2] for target in links.missing(NOTHING)]
    count = len(set(hosts))
    assert len(set(hosts[:count])) == count
    seen: Counter[str] = Counter()
    ranks = []
    for host in hosts:
        ranks.append(seen[host])
        seen[host] += 1
    assert ranks == sorted(ranks)


def test_shares_divide_the_list_by_domain(tmp_path: Path) -> None:
    links = make(tmp_path / "list", many(tmp_path))
    shares = [{t.url for t in links.missing(NOTHING, part, 3)} for part in range(3)]
    assert sum(map(len, shares)) == len(set().union(*shares)) == links.links
    assert [links.count_missing(NOTHING, part, 3) for part in range(3)] == [*map(len, shares)]
    assert slot_of("http://a.example.org/") == slot_of("https://b.example.org/x")


def test_finished_links_are_left_out(tmp_path: Path) -> None:
    links = make(tmp_path / "list", many(tmp_path))
    every = [target.digest for target in links.missing(NOTHING)]
    finished = np.unique(np.array(every[::2], dtype=np.uint64))
    assert [target.digest for target in links.missing(finished)] == every[1::2]
    assert links.count_missing(finished) == len(every) - len(finished)


def test_digests_are_found_among_sorted_ones() -> None:
    finished = np.array([1, 5, 2**64 - 1], dtype=np.uint64)
    asked = np.array([0, 1, 4, 5, 6, 2**64 - 1], dtype=np.uint64)
    assert is_among(asked, finished).tolist() == [False, True, False, True, False, True]


def test_a_list_is_made_once(tmp_path: Path) -> None:
    dumps = many(tmp_path)
    links = make(tmp_path / "list", dumps)
    before = {path: path.stat().st_mtime_ns for path in links.folder.iterdir()}
    assert make(tmp_path / "list", dumps) == links
    assert {path: path.stat().st_mtime_ns for path in links.folder.iterdir()} == before


def test_a_broken_off_list_goes_on_where_it_was(tmp_path: Path, monkeypatch) -> None:
    whole = make(tmp_path / "whole", many(tmp_path))
    order = link_list._order

    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(link_list, "_order", fail)
    with pytest.raises(OSError, match="disk full"):
        make(tmp_path / "broken", many(tmp_path))
    monkeypatch.setattr(link_list, "_order", order)
    monkeypatch.setattr(link_list, "_write_chunk", fail)  # dumps are not read again
    assert table(make(tmp_path / "broken", many(tmp_path))).equals(table(whole))


def test_of_processes_that_start_together_one_makes_the_list(tmp_path: Path, monkeypatch) -> None:
    dumps = many(tmp_path)
    whole = make(tmp_path / "whole", dumps)
    write_chunk = link_list._write_chunk

    def slowly(*arguments: object) -> None:
        time.sleep(0.02)
        write_chunk(*arguments)

    monkeypatch.setattr(link_list, "_write_chunk", slowly)
    with ThreadPoolExecutor(3) as starters:
        made = [starters.submit(make, tmp_path / "list", dumps) for _ in range(3)]
        assert all(table(one.result()).equals(table(whole)) for one in made)


def test_a_dump_without_links_is_refused_with_reasons(tmp_path: Path) -> None:
    dump = write(tmp_path / "RS", [submission(score=0), submission(is_self=True)])
    with pytest.raises(CorpusError, match="1 link_low_karma, 1 link_not_outbound"):
        make(tmp_path / "list", [dump])


def test_memory_does_not_grow_with_the_dump(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(link_list, "_CHUNK", 500)
    peaks = []
    for size in (2_000, 20_000):
        entries = [submission(f"http://h{n % 300}.org/{n}") for n in range(size)]
        dump = write(tmp_path / f"RS_{size}", entries)
        tracemalloc.start()
        link_list._spread(tmp_path, WebText(), (size, dump))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
