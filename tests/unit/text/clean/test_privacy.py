import polars as pl
import pytest

from gptpath.text.clean.privacy import EMAIL, IPV4, IPV6, mask, mask_addresses, mask_emails


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Write to joe.doe+spam@mail.site.co.uk.", f"Write to {EMAIL}."),
        ("<mailto:joe@site.org>", f"<mailto:{EMAIL}>"),
        ("'joe@site.org', (ann@site.org)", f"'{EMAIL}', ({EMAIL})"),
        ("o'neil@site.org O'Neil_2@Site.Org", f"{EMAIL} {EMAIL}"),
        ("émile@bücher.de", EMAIL),
        ("mail me: a@b.io, now", f"mail me: {EMAIL}, now"),
        ("joe@example.com, joe@mail.example.org, x@host.test", None),
        ("joe@localhost, user@host, @name, a @ b.com", None),
        ("icon@2x.png", None),
        ("matrix A@B.T and f(x)@y", None),
        ("https://site.org/@joe/post.html", None),
        ("joe@site.c0m and joesite.org", None),
    ],
)
def test_email_addresses_are_masked(given, expected):
    assert mask_emails(given) == (expected or given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("from 93.184.216.34, port", f"from {IPV4}, port"),
        ("http://93.184.216.34:8080/x", f"http://{IPV4}:8080/x"),
        ("It was 93.184.216.34.", f"It was {IPV4}."),
        ("93.184.216.0/24", f"{IPV4}/24"),
        ("2a00:1450:4001:82a::200e", IPV6),
        ("[2606:2800:220:1:248:1893:25c8:1946]:80", f"[{IPV6}]:80"),
        ("at 2a00:1450:4001::, then", f"at {IPV6}, then"),
        ("10.1.2.3 127.0.0.1 192.168.10.20 172.31.0.1 169.254.1.1 100.64.3.2", None),
        ("255.255.255.0 224.0.0.251 192.0.2.1 203.0.113.9 0.0.0.0", None),
        ("see 1.2.3.4 below, 8.8.8.8", None),
        ("version 10.20.30.40, v10.20.30.40, Ver. 11.2.0.15, release 12.0.1.30", None),
        ("Section 10.2.30.14 and §12.1.1.10", None),
        ("1.2.30.40.50 and 11.22.33.44-rc1 and lib-11.22.33.44", None),
        ("11.22.33.444, 011.22.33.44, 11.22.33", None),
        ("fe80::1 ::1 fd00::12 2001:db8::7 ::", None),
        ("std::vector, face::bad, 12:30:45, 2010:12:30, 2001:3", None),
        ("00:1a:2b:3c:4d:5e and 2a00::1::2", None),
    ],
)
def test_public_addresses_are_masked_and_versions_left(given, expected):
    assert mask_addresses(given) == (expected or given)


def test_masking_a_column_masks_what_is_asked_for_and_only_once():
    texts = pl.Series(["joe@site.org", "93.184.216.34", "plain", "", "joe@site.org 2a00:1450::7"])
    assert mask(texts, []).equals(texts)
    assert mask(texts, ["email"]).to_list()[:2] == [EMAIL, "93.184.216.34"]
    both = mask(texts, ["email", "ip"])
    assert both.to_list() == [EMAIL, IPV4, "plain", "", f"{EMAIL} {IPV6}"]
    assert mask(both, ["email", "ip"]).equals(both)


def test_a_long_word_is_scanned_in_linear_time():
    assert mask_emails("a" * 200_000 + " joe@site.org").endswith(EMAIL)
    assert mask_emails("@".join(["a.b-c"] * 20_000)).count("@") > 0
