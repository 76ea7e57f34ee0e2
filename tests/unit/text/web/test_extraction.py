"""Encodings and main text; its quality on passages of real books with usual furniture around."""

import gzip
import html
import re

import pytest

from gptpath.config.web import Extraction
from gptpath.text.sources.decoding import Decoded, decode_page
from gptpath.text.web.extraction import extract, is_wanted, media_type
from tests.shared_data import REAL

BOOKS = REAL / "books" / "english_novels"
SETTINGS = Extraction()
WORDS = "Die Straße führt über den Fluß — „schön“, sagte er. "


def page(text: str, head: str = "") -> str:
    return f"<!doctype html><html><head>{head}</head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("encoding", "content_type", "head"),
    [
        ("utf-8", "text/html; charset=utf-8", ""),
        ("utf-8", "text/html", '<meta charset="utf-8">'),
        ("utf-8", "text/html", ""),
        ("utf-8", "text/html; charset=ISO-8859-1", ""),  # the usual lie of old servers
        ("utf-8", "text/html; charset=no-such-encoding", ""),
        ("utf-8-sig", "text/html; charset=windows-1251", ""),
        ("cp1252", "text/html; charset=windows-1252", ""),
        ("cp1252", "text/html; charset=iso-8859-1", ""),
        ("cp1252", "text/html; charset=utf-8", '<meta charset="windows-1252">'),
        ("cp1252", "text/html", '<meta http-equiv=x content="text/html; charset=cp1252">'),
        ("cp1252", "text/html", ""),
        ("utf-16", "text/html", ""),
    ],
)
def test_pages_are_decoded_whatever_they_declare(encoding, content_type, head) -> None:
    text = page(WORDS * 5, head)
    assert decode_page(text.encode(encoding), content_type).text == text


def test_the_header_goes_before_the_page_where_both_can_be_right() -> None:
    text = page("Привет, мир. " * 10, '<meta charset="iso-8859-5">')
    found = decode_page(text.encode("cp1251"), "text/html; charset=windows-1251")
    assert found == Decoded(text=text, encoding="cp1251")


def test_escape_encodings_are_believed_where_they_are_declared() -> None:
    text = page("こんにちは")
    found = decode_page(text.encode("iso-2022-jp"), "text/html; charset=iso-2022-jp")
    assert found == Decoded(text=text, encoding="iso2022_jp")


def test_encodings_that_are_not_of_text_are_ignored() -> None:
    found = decode_page(b"<p>abc</p>", "text/html; charset=base64")
    assert found == Decoded(text="<p>abc</p>", encoding="utf-8")


def test_plain_ascii_is_no_utf_16_whatever_the_page_says() -> None:
    text = page("even", '<meta charset="utf-16">')
    for body in (text.encode(), text.encode() + b" "):
        assert decode_page(body, "text/html").text == body.decode()


def test_plain_text_is_its_own_main_text() -> None:
    extracted = extract(b"One line.\n\n<p>Not markup.</p>\n", "text/plain", SETTINGS)
    assert extracted.text == "One line.\n\n<p>Not markup.</p>\n"


@pytest.mark.parametrize("body", [b"", b"  ", b"<html><body></body></html>"])
def test_pages_without_text_have_a_reason(body: bytes) -> None:
    assert extract(body, "text/html", SETTINGS) == "page_without_main_text"


def test_bytes_that_are_no_text_have_a_reason() -> None:
    assert extract(b"\x89PNG\r\n\x1a\n\0\0\0", "text/html", SETTINGS) == "page_not_text"


def test_markup_nested_beyond_measure_does_no_harm() -> None:
    body = b"<div>" * 50_000 + b"deep" + b"</div>" * 50_000
    assert isinstance(extract(body, "text/html", SETTINGS), str)


def test_html_and_plain_text_are_wanted() -> None:
    assert media_type("Text/HTML; charset=x") == "text/html"
    assert [is_wanted(kind) for kind in ("text/html", "", "text/plain; q=1", "image/png")] == [
        True,
        True,
        True,
        False,
    ]


NAVIGATION = "".join(
    f'<li><a href="/{name}">Furniture {name}</a></li>'
    for name in ("news", "sport", "weather", "travel", "money", "culture", "archive", "contact")
)
FURNITURE = (
    f'<header><div class="logo">Furniture logo</div><nav><ul>{NAVIGATION}</ul></nav></header>',
    '<aside class="sidebar"><h3>Furniture popular</h3><ul>'
    + "".join(f'<li><a href="/p{n}">Furniture headline number {n}</a></li>' for n in range(12))
    + "</ul></aside>",
    '<div class="share">Furniture share <a href="#">Tweet</a> <a href="#">Mail</a></div>'
    '<footer><p>Furniture copyright 2017 the owners of this site</p><p><a href="/terms">'
    "Furniture terms of use</a> <a href='/privacy'>Furniture privacy policy</a></p></footer>"
    '<div class="cookie-banner"><p>Furniture: we use cookies. <a href="#">Accept</a></p></div>',
)


def passages() -> list[list[str]]:
    """Eight paragraphs of running text from each of several books."""
    found = []
    for path in sorted(BOOKS.glob("*.txt.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8-sig").replace("\r\n", "\n")
        paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text)]
        running = [p for p in paragraphs if 200 < len(p) < 1500 and p[-1] in '.!?”"']
        if len(running) >= 60:
            found.append(running[40:48])
    return found


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@pytest.mark.skipif(not BOOKS.is_dir(), reason="the shared data is not here")
def test_the_main_text_is_found_and_the_furniture_left_out() -> None:
    kept = wanted = furniture = total = 0
    samples = passages()
    for paragraphs in samples:
        before, beside, after = FURNITURE
        body = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs)
        main = f'<div id="content"><h1>A story</h1><div class="post">{body}</div></div>'
        source = page("", "<title>A story</title>").replace(
            "<p></p>", before + beside + main + after
        )
        extracted = extract(source.encode(), "text/html; charset=utf-8", SETTINGS)
        assert not isinstance(extracted, str)
        found = words(extracted.text)
        text = " ".join(found)
        wanted += len(paragraphs)
        kept += sum(" ".join(words(paragraph)) in text for paragraph in paragraphs)
        furniture += found.count("furniture")
        total += len(found)
    assert len(samples) >= 10
    assert kept / wanted >= 0.98
    assert furniture / total <= 0.001
