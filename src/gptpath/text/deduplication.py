"""Removal of documents whose text another document has already."""

import hashlib
from collections.abc import Iterable

from gptpath.text.documents import Document


def without_duplicates(documents: Iterable[Document]) -> list[Document]:
    """Keep of each text, compared without white space and case, the one of lowest location.

    The result is sorted by (source, location, text), whatever the order given.
    """
    kept: list[Document] = []
    seen: set[bytes] = set()
    for document in sorted(documents, key=lambda d: (d.source, d.location, d.group, d.text)):
        key = fingerprint(document.text)
        if key not in seen:
            seen.add(key)
            kept.append(document)
    return kept


_ASCII_SPACES = bytes(point for point in range(128) if chr(point).isspace())
_WIDE_SPACES = tuple(chr(point) for point in range(128, 0x3001) if chr(point).isspace())


def fingerprint(text: str) -> bytes:
    """Hash of a text's words in lower case, white space left out."""
    folded = text.casefold()
    if not folded.isascii() and any(space in folded for space in _WIDE_SPACES):
        folded = "".join(folded.split())
    letters = folded.encode().translate(None, _ASCII_SPACES)
    return hashlib.blake2b(letters, digest_size=16).digest()
