import pytest

from gptpath.text.web.urls import canonical_url, host_of, within


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("HTTP://Example.COM:80/a/../b/./c?utm_source=x&b=1#f", "http://example.com/b/c?b=1"),
        ("https://example.com:443", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("http://bücher.de/ä b%7e%2f%zz", "http://xn--bcher-kva.de/%C3%A4%20b~%2F%25zz"),
        ("http://example.com./%2e%2e/a/..", "http://example.com/"),
        ("http://example.com//a//b", "http://example.com//a//b"),
        ("http://example.com/?a=1&&b=%c3%a9&gclid=9", "http://example.com/?a=1&b=%C3%A9"),
        ("http://example.com/?b=2&a=1", "http://example.com/?b=2&a=1"),
        ("  http://example.com/a\nb ", "http://example.com/ab"),
        ("http://[2001:DB8::0:1]/x", "http://[2001:db8::1]/x"),
    ],
)
def test_addresses_get_one_spelling(given: str, canonical: str) -> None:
    assert canonical_url(given) == canonical


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/r/books",
        "ftp://example.com/",
        "mailto:someone@example.com",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://user:secret@example.com/",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://[::1/",
        "http://example.com\\@other.org/",
        "http://example.com/" + "a" * 3000,
    ],
)
def test_what_cannot_be_fetched_has_no_canonical_form(url: str) -> None:
    assert canonical_url(url) is None


def test_domains_hold_their_sub_domains_and_no_lookalikes() -> None:
    domains = frozenset({"wikipedia.org"})
    assert within("en.m.wikipedia.org", domains)
    assert within("wikipedia.org", domains)
    assert not within("notwikipedia.org", domains)
    assert not within("wikipedia.org.example.com", domains)


def test_the_host_has_neither_port_nor_brackets() -> None:
    assert host_of("http://[::1]:8080/a") == "::1"
    assert host_of("http://example.com:8080/a:b") == "example.com"
