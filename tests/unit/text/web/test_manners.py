"""The crawler against a local site: robots rules, and how politely it asks."""

import time
from itertools import pairwise

import pytest

from tests.unit.text.web.local_site import answer, crawl, outcome, read_archive, story


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
