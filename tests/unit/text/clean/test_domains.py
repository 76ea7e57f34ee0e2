import polars as pl
import pytest

from gptpath.text.clean.domains import in_domains


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://en.wikipedia.org/wiki/Cat", True),
        ("http://de.m.wikipedia.org/wiki/Katze", True),
        ("HTTPS://WWW.Wikipedia.ORG./", True),
        ("https://user:pw@fr.wikipedia.org:443/wiki/Chat", True),
        ("https://www.wikiwand.com/en/Cat", True),
        ("https://web.archive.org/web/2017/https://en.wikipedia.org/wiki/Cat", True),
        ("https://en-m-wikipedia-org.translate.goog/wiki/Cat", True),
        ("http://mirror.net/dump/en.wikipedia.org/wiki/Cat.html", True),
        ("https://news.site.co.uk/2019/cat", True),
        ("https://site.co.uk", True),
        ("https://othersite.co.uk/", False),
        ("https://notwikipedia.org/wiki/Cat", False),
        ("https://wikipedia.org.evil.com/", False),
        ("https://blog.net/why-i-like-wikipedia.org", False),
        ("https://blog.net/?u=https://en.wikipedia.org/wiki/Cat", False),
        ("https://[::1]/wiki", False),
        ("https://[not-an-address/wikipedia.org/", False),
        ("https:///wiki", False),
        ("ftp://en.wikipedia.org/x", False),
        ("en.wikipedia.org/wiki/Cat", False),
        ("books/wikipedia.org/cat.txt", False),
        ("package.module:Class.method", False),
        ("", False),
    ],
)
def test_pages_are_found_by_host_and_copies_by_path(location, expected):
    domains = ("wikipedia", ".Site.co.uk")
    assert in_domains(pl.Series([location]), domains).tolist() == [expected]


def test_only_listed_domains_are_found():
    pages = pl.Series(["https://en.wikipedia.org/wiki/Cat", "https://a.b.c/"])
    assert in_domains(pages, ["b.c"]).tolist() == [False, True]
    assert in_domains(pages, ["wikipedia.org"]).tolist() == [True, False]
