"""The crawler against a local site: where redirects and names may lead it."""

import pytest

from tests.unit.text.web.local_site import crawl, outcome, read_archive


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
    site.redirect("/broken", "http://[::1/page")
    paths = ("/a", "/self", "/far0", "/mail", "/nowhere", "/broken")
    crawl(tmp_path, [site.url(path) for path in paths])
    _, reasons = read_archive(tmp_path)
    assert [reasons[site.url(path)] for path in paths] == [
        "fetch_redirect_loop",
        "fetch_redirect_loop",
        "fetch_too_many_redirects",
        "fetch_redirect_unusable",
        "fetch_redirect_unusable",
        "fetch_redirect_unusable",
    ]
    assert site.hits["/far4"] == 0


def test_a_redirect_is_followed_to_the_bytes_that_it_names(site, tmp_path) -> None:
    site.redirect("/page", "/café".encode().decode("latin-1"))
    site.page("/caf%C3%A9")
    site.redirect("/old", "/caf\xe9s")  # Latin-1 itself, as few servers send it
    site.page("/caf%C3%A9s")
    crawl(tmp_path, [site.url("/page"), site.url("/old")])
    assert set(read_archive(tmp_path)[0]) == {site.url("/page"), site.url("/old")}


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
