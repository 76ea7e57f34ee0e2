import pytest

from gptpath.text.sources.decoding import decode, decode_page, looks_binary

PROSE = "Voilà: le cœur a ses raisons, que la raison ne connaît point. Déjà vu à Orléans. " * 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_encodings_are_told_by_their_mark_or_taken_as_utf8(encoding):
    decoded = decode(PROSE.encode(encoding))
    assert decoded is not None
    assert decoded.text == PROSE


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_western_bytes_that_are_not_utf8_are_recognised(encoding):
    text = PROSE.replace("œ", "oe")
    decoded = decode(text.encode(encoding))
    assert decoded is not None
    assert decoded.text == text


def test_other_code_pages_are_not_taken_for_western_ones():
    text = "Привет, мир. Это русский текст о том, о сём. " * 20
    decoded = decode(text.encode("cp1251"))
    assert decoded is not None
    assert decoded.text == text


def test_zero_bytes_and_many_controls_are_binary_but_marked_utf16_is_not():
    assert looks_binary(b"\x7fELF\x02\x01\x01\x00" + b"abc" * 50)
    assert looks_binary(bytes(range(1, 32)) * 3 + b"letters" * 20)
    assert not looks_binary("plain text".encode("utf-16"))
    assert not looks_binary(PROSE.encode())
    assert not looks_binary(b"page one\x0cpage two\r\n" * 5)


@pytest.mark.parametrize(
    ("head", "encoding", "expected"),
    [
        ('<meta charset="iso-8859-1">', "cp1252", "cp1252"),
        (
            "<META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=windows-1251'>",
            None,
            "cp1251",
        ),
        ("<meta charset=Shift_JIS>", None, "cp932"),
        ("<meta charset=ISO-2022-JP>", None, "iso2022_jp"),
        ("<meta charset=latin1>", "utf-8", "utf-8"),
        ("<meta charset=no-such-thing>", "utf-8", "utf-8"),
        ("<meta charset=base64>", "utf-8", "utf-8"),
        ("<meta charset=utf-8>", "utf-16", "utf-16"),
    ],
)
def test_a_page_is_decoded_as_it_states_unless_its_bytes_say_otherwise(head, encoding, expected):
    words = {"cp1251": "Привет", "cp932": "林檎", "iso2022_jp": "林檎"}.get(expected, "“déjà”")
    text = f"<html><head>{head}</head><p>{words}</p></html>"
    decoded = decode_page(text.encode(encoding or expected))
    assert decoded is not None
    assert decoded.text == text
    assert decoded.encoding == expected


def test_a_page_of_an_undefined_encoding_is_recognised_all_the_same():
    page = f"<meta charset=undefined><p>{PROSE} Voilà, déjà vu!</p>"
    decoded = decode_page(page.encode("cp1252"), "text/html; charset=undefined")
    assert decoded is not None
    assert decoded.text == page


@pytest.mark.parametrize(
    "words",
    [
        "Привет, мир! Это обычная страница. ",
        "The café’s owner said “hello”. ",
        "这是一个普通的网页。",
    ],
)
@pytest.mark.parametrize("broken", [b"\xff", b"\xe2\x80"])
def test_a_broken_character_does_not_make_utf8_another_encoding(words, broken):
    content = (words * 20).encode() + broken + (words * 20).encode()
    expected = f"{words * 20}\ufffd{words * 20}"
    for decoded in (
        decode(content),
        decode_page(content, "text/html; charset=utf-8"),
        decode_page(content, "text/html; charset=iso-8859-1"),
        decode(b"\xef\xbb\xbf" + content),
    ):
        assert decoded is not None
        assert (decoded.text, decoded.encoding) == (expected, "utf-8")
