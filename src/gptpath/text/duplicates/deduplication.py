"""When two texts count as equal: their words are, in upper or lower case."""

import hashlib

_ASCII_SPACES = bytes(point for point in range(128) if chr(point).isspace())
_WIDE_SPACES = tuple(chr(point) for point in range(128, 0x3001) if chr(point).isspace())


def fingerprint(text: str) -> bytes:
    """Hash of a text's words in lower case, white space left out."""
    folded = text.casefold()
    if not folded.isascii() and any(space in folded for space in _WIDE_SPACES):
        folded = "".join(folded.split())
    letters = folded.encode().translate(None, _ASCII_SPACES)
    return hashlib.blake2b(letters, digest_size=16).digest()
