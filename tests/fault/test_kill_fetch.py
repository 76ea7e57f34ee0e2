"""`gptpath fetch` as a process of its own, killed or told to stop midway, and run again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gptpath.text.web.archive import finished_digests, read_index, warc_files
from gptpath.text.web.records import Note, read_warc
from tests.unit.text.web.local_site import (
    FAST,
    Site,
    answer,
    crawl,
    read_archive,
    serve,
    story,
    write_dump,
)

ROOT = Path(__file__).parents[2]
PAGES = 60
AT_ONCE = 4
SLOW = replace(FAST, connections_per_host=AT_ONCE, read_timeout_seconds=5, total_timeout_seconds=9)


@pytest.fixture
def site() -> Generator[Site]:
    with serve() as running:
        for number in range(PAGES):
            running.raw(
                f"/{number}",
                lambda request, number=number: (
                    time.sleep(0.05),
                    answer(
                        request, 200, story(f"{number}").encode(), {"content_type": "text/html"}
                    ),
                ),
            )
        yield running


def make_checkout(root: Path, site: Site) -> Path:
    """A project that asks for these pages; returns its folder of raw data."""
    yaml = YAML()
    params = yaml.load((ROOT / "profiles" / "laptop.yaml").read_text())
    fetch = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(SLOW).items()
    }
    params["ingest"]["sources"] = [{"kind": "webtext", "fetch": fetch}]
    (root / "dvc.yaml").write_text("stages: {}\n")
    with (root / "params.yaml").open("w") as file:
        yaml.dump(params, file)
    raw = root / params["ingest"]["raw"]
    write_dump(raw, [site.url(f"/{number}") for number in range(PAGES)])
    return raw


def start(root: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(
        [sys.executable, "-m", "gptpath.cli", "fetch"],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "nothing came of it within a minute"
        time.sleep(0.01)


def finished(raw: Path) -> int:
    return sum(len(read_index(path)) for path in warc_files(raw / "webtext-archive"))


def twice(site: Site) -> int:
    return sum(site.hits[f"/{number}"] > 1 for number in range(PAGES))


def test_a_killed_fetch_goes_on_and_ends_with_the_same_documents(site, tmp_path) -> None:
    raw = make_checkout(tmp_path, site)
    for done in (10, 30):
        process = start(tmp_path)
        wait_for(lambda done=done: finished(raw) >= done, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = start(tmp_path)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert max(site.hits[f"/{number}"] for number in range(PAGES)) <= 3
    assert twice(site) <= 2 * AT_ONCE
    documents, dropped = read_archive(raw)
    crawl(tmp_path / "at-once", [site.url(f"/{number}") for number in range(PAGES)])
    at_once, _ = read_archive(tmp_path / "at-once")
    assert not dropped
    assert documents == at_once
    assert len(documents) == PAGES
    assert {d.id for d in documents.values()} == {d.id for d in at_once.values()}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_fetch_that_is_told_to_stop_finishes_what_is_in_flight(number, site, tmp_path) -> None:
    raw = make_checkout(tmp_path, site)
    process = start(tmp_path)
    wait_for(lambda: finished(raw) >= 10, process)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number, output
    assert "run it again" in output
    entered = finished(raw)
    assert entered < PAGES
    [path] = warc_files(raw / "webtext-archive")
    assert sum(isinstance(record, Note) for record in read_warc(path, 10**6)) == entered
    process = start(tmp_path)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "cut off" not in output
    assert twice(site) == 0
    assert len(finished_digests(raw / "webtext-archive")) == PAGES


def test_a_fetch_that_has_nothing_to_do_says_so(site, tmp_path) -> None:
    raw = make_checkout(tmp_path, site)
    crawl(raw, [site.url("/1"), site.url("/2")])
    before = sum(site.hits.values())
    process = start(tmp_path)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "nothing to fetch, all 2 links have an outcome" in output
    assert sum(site.hits.values()) == before
