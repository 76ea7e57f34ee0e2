"""The webtext source: from an archive to documents, and through the whole stage `ingest`."""

import json
import random
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from gptpath.config.ingest import Ingest, WebText
from gptpath.config.loading import load_params, parse_params
from gptpath.config.web import Extraction
from gptpath.errors import ConfigError, CorpusError
from gptpath.events import ignore
from gptpath.stages.context import StageContext
from gptpath.stages.ingest import run
from gptpath.text.sources.webtext import WebTextSource
from gptpath.text.web.fetching import dump_files
from tests.unit.text.web.local_site import FAST, SENTENCES, crawl, serve, write_dump

ROOT = Path(__file__).parents[4]
PARAMS = load_params(ROOT / "profiles" / "laptop.yaml")
WORDS = sorted({word for sentence in SENTENCES for word in sentence.split()})


@pytest.fixture
def site():
    with serve() as running:
        yield running


def long_story(number: int) -> str:
    """A page of its own whose words are those of all others."""
    choose = random.Random(number)
    sentences = (" ".join(choose.choices(WORDS, k=12)).capitalize() + "." for _ in range(60))
    paragraphs = zip(*[sentences] * 6, strict=True)
    return "<html><body>" + "".join(f"<p>{' '.join(six)}</p>" for six in paragraphs)


def test_the_stage_fetches_what_is_missing_and_builds_a_corpus(site, tmp_path) -> None:
    for number in range(40):
        site.page(f"/{number}", long_story(number))
    urls = [site.url(f"/{number}") for number in range(40)]
    write_dump(tmp_path / "raw", [*urls, site.url("/gone")])
    ingest = replace(
        PARAMS.ingest,
        raw="raw",
        sources=(WebText(name="web", fetch=FAST),),
        validation_fraction=0.1,
        tasks_fraction=0.2,
        task_examples=50,
    )
    params = replace(PARAMS, ingest=ingest)
    for _ in range(2):
        run(StageContext(root=tmp_path, params=params, item=None, emit=ignore))
    corpus = pl.read_parquet(tmp_path / "data" / "corpus" / "*" / "*.parquet")
    assert sorted(corpus["location"]) == sorted(urls)
    assert set(corpus["source"]) == {"web"}
    assert set(corpus["kind"]) == {"webtext"}
    metrics = json.loads((tmp_path / "metrics" / "ingest.json").read_text())
    assert metrics["dropped"]["fetch_status_404"] == 1
    assert {count for path, count in site.hits.items() if path != "/robots.txt"} == {1}


def test_an_archive_is_read_without_its_dump_and_without_a_network(site, tmp_path) -> None:
    site.page("/page")
    crawl(tmp_path, [site.url("/page")])
    for dump in dump_files(WebText(), tmp_path):
        dump.unlink()
    source = WebTextSource(settings=WebText(fetch_missing=False), raw=tmp_path)
    [unit] = source.units()
    assert [document.location for document in source.read(unit)] == [site.url("/page")]


def test_the_settings_of_extraction_count(site, tmp_path) -> None:
    rows = "".join(f"<tr><td>Cell {n} of the table in words</td></tr>" for n in range(9))
    site.page("/page", long_story(1) + f"<table>{rows}</table>")
    crawl(tmp_path, [site.url("/page")])
    texts = []
    for tables in (False, True):
        settings = WebText(extraction=Extraction(tables=tables))
        source = WebTextSource(settings=settings, raw=tmp_path)
        [document] = source.read(source.units()[0])
        texts.append(document.text)
    assert ["Cell 3" in text for text in texts] == [False, True]


def test_an_empty_archive_says_how_to_fill_it(tmp_path) -> None:
    with pytest.raises(CorpusError, match="gptpath fetch"):
        WebTextSource(settings=WebText(), raw=tmp_path).units()


def test_the_archive_is_no_dump(tmp_path) -> None:
    write_dump(tmp_path, ["http://example.org/"])
    (tmp_path / "webtext-archive").mkdir()
    (tmp_path / "webtext-archive" / "links.json").write_text("{}")
    (tmp_path / "README.md").write_text("where it comes from")
    (tmp_path / "picture.png").write_bytes(b"x")
    assert [path.name for path in dump_files(WebText(), tmp_path)] == ["RS_2014-05.gz"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"before": "December 2017"}, "expected a date"),
        ({"archive": "/elsewhere"}, "below ingest.raw"),
        ({"fetch": {"concurrency": 0}}, "at least 1"),
        ({"fetch": {"allow_private": ["everything"]}}, "127.0.0.0/8"),
        ({"fetch": {"read_timeout_seconds": 0}}, "must be positive"),
        ({"fetch": {"agent": "x"}}, "agent"),
    ],
)
def test_impossible_settings_are_refused(changes, message) -> None:
    entry = {"kind": "webtext"} | changes
    with pytest.raises(ConfigError, match=message):
        parse_params({"ingest": {"sources": [entry]}}, where="params.yaml")


def test_settings_have_defaults_that_can_be_read_as_webtext() -> None:
    settings = WebText()
    assert (settings.min_karma, settings.before) == (3, "2018-01-01")
    assert "wikipedia.org" in settings.blocked_domains
    assert not settings.fetch.allow_private
    assert Ingest(sources=(settings,)).sources == (settings,)
