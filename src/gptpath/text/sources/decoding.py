"""From bytes to text: which encoding a file has, and whether it is text at all."""

import codecs
import re
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
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\x0b\x0c\x1a\x1b")
_CONTROL_SHARE = 0.005

_META_CHARSET = re.compile(rb"""<meta[^>]+?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_META_BYTES = 4096
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

    Of readings that charset-normalizer finds about as orderly, a Western one is taken.
    """
    named = next((encoding for bom, encoding in _BOMS if content.startswith(bom)), "utf-8")
    try:
        return Decoded(text=content.decode(named), encoding=named.removesuffix("-sig"))
    except UnicodeDecodeError:
        pass
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


def decode_html(content: bytes) -> Decoded | None:
    """Decode a page: byte-order mark, UTF-8, what its `meta` element states, else as `decode`.

    UTF-8 comes first, since hardly any other text is valid UTF-8 and many pages state another.
    """
    if any(content.startswith(bom) for bom, _ in _BOMS):
        return decode(content)
    stated = _META_CHARSET.search(content[:_META_BYTES])
    try:
        encoding = codecs.lookup(stated[1].decode() if stated else "utf-8").name
    except LookupError:
        encoding = "utf-8"
    utf8_first = [] if encoding in _IN_ASCII else ["utf-8"]
    for candidate in (*utf8_first, _SUPERSETS.get(encoding, encoding)):
        try:
            return Decoded(text=content.decode(candidate), encoding=candidate)
        except (UnicodeDecodeError, LookupError):  # LookupError: base64 and the like are no text
            continue
    return decode(content)
