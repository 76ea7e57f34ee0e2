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


def fingerprint(text: str) -> bytes:
    """Hash of a text's words in lower case, white space left out."""
    return hashlib.blake2b("".join(text.casefold().split()).encode(), digest_size=16).digest()
