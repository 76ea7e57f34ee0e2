"""From bytes to text: which encoding a file has, and whether it is text at all."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

from charset_normalizer import from_bytes

BINARY = "file_binary"

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = ("cp1252", "latin_1")
_WESTERN_CHAOS = 0.1
"""How much more disorder a Western reading may show than the best and still be taken."""
_SAMPLE_BYTES = 65_536
_MOST_BROKEN = 0.2
"""Most of the characters beyond ASCII that may be broken in what is still taken for UTF-8."""
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\x0b\x0c\x1a\x1b")
_CONTROL_SHARE = 0.005

_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.I)
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([a-z0-9_:.-]{2,40})")
_LOOKED_AT = 4096
"""Bytes in which a page may name its encoding; browsers look at 1,024."""
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""What browsers read for the encodings that pages name (WHATWG Encoding Standard)."""
_IN_ASCII = frozenset({"iso2022_jp", "hz", "utf-7"})
"""Encodings whose bytes are valid UTF-8 too, and mean something else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """A text and the encoding that it was in."""

    text: str
    encoding: str


def looks_binary(content: bytes) -> bool:
    """Whether bytes are no text: no byte-order mark, but zero bytes or many control bytes."""
    if any(content.startswith(bom) for bom, _ in _BOMS):
        return False
    sample = content[:_SAMPLE_BYTES]
    controls = sum(byte in _CONTROLS for byte in sample)
    return b"\0" in sample or controls > _CONTROL_SHARE * len(sample)


def decode(content: bytes) -> Decoded | None:
    """Decode by byte-order mark, else as UTF-8, else by charset-normalizer; None if all fail.

    In what is UTF-8 but for a few broken characters, these become U+FFFD.

    Of readings that charset-normalizer finds about as orderly, a Western one is taken.
    """
    named = next((encoding for bom, encoding in _BOMS if content.startswith(bom)), "utf-8")
    try:
        return Decoded(text=content.decode(named), encoding=named.removesuffix("-sig"))
    except UnicodeDecodeError:
        pass
    if (text := _nearly_utf8(content)) is not None:
        return Decoded(text=text, encoding="utf-8")
    matches = from_bytes(content)
    best = matches.best()
    if best is None:
        return None
    # On few accented letters the detector cannot tell code pages apart (à or ą); Western ones are
    # by far the likelier in English texts.
    western = [
        m for m in matches if m.encoding in _WESTERN and m.chaos < best.chaos + _WESTERN_CHAOS
    ]
    chosen = next(iter(western), best)
    return Decoded(text=str(chosen), encoding=chosen.encoding)


def decode_page(content: bytes, content_type: str = "") -> Decoded | None:
    """Decode a page: byte-order mark, UTF-8, what header, page or XML declaration state, detection.

    Many servers declare ISO-8859-1 for everything, and hardly any text in another encoding is
    valid UTF-8 by chance; so valid UTF-8 goes before what is stated. Of what is stated the header
    Content-Type goes first.
    """
    if any(content.startswith(bom) for bom, _ in _BOMS):
        return decode(content)
    stated = _stated(content, content_type)
    escaped = [encoding for encoding in stated if encoding in _IN_ASCII]
    found = _first_fitting(content, (*escaped, "utf-8"))
    if found is None and (text := _nearly_utf8(content)) is not None:
        return Decoded(text=text, encoding="utf-8")
    return found or _first_fitting(content, stated) or decode(content)


def _first_fitting(content: bytes, encodings: Iterable[str]) -> Decoded | None:
    for encoding in encodings:
        try:
            return Decoded(text=content.decode(encoding), encoding=encoding)
        except (UnicodeError, LookupError):  # Python's encoding "undefined" decodes nothing
            continue
    return None


def _nearly_utf8(content: bytes) -> str | None:
    """The text of UTF-8 with some broken characters; None where too many are.

    By chance few characters of another encoding are valid UTF-8.
    """
    text = content.decode("utf-8-sig", "replace")
    broken = text.count("\ufffd") - content.count("\ufffd".encode())
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return text if broken <= _MOST_BROKEN * beyond_ascii else None


def _stated(content: bytes, content_type: str) -> list[str]:
    """Encodings that the header and the page name, as browsers read them; unknown ones left out."""
    names = [match[1] for match in [_CHARSET.search(content_type.lower())] if match]
    for pattern in (_META, _DECLARATION):
        match = pattern.search(content[:_LOOKED_AT])
        names += [match[1].decode("ascii")] if match else []
    known: list[str] = []
    for name in names:
        try:
            found = codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        if getattr(found, "_is_text_encoding", True):  # base64 and the like are none
            known.append(_SUPERSETS.get(found.name, found.name))
    return known
