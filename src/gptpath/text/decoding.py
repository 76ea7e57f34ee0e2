"""From bytes to text: which encoding a file has, and whether it is text at all."""

import codecs
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
_SAMPLE_BYTES = 65_536
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\x0b\x0c\x1a\x1b")
_CONTROL_SHARE = 0.005


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
    """Decode by byte-order mark, else as UTF-8, else by charset-normalizer; None if all fail."""
    named = next((encoding for bom, encoding in _BOMS if content.startswith(bom)), "utf-8")
    try:
        return Decoded(text=content.decode(named), encoding=named.removesuffix("-sig"))
    except UnicodeDecodeError:
        pass
    best = from_bytes(content).best()
    if best is None:
        return None
    return Decoded(text=str(best), encoding=best.encoding)
