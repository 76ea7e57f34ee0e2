"""Byte-level BPE: training merges and keeping them as a tokenizer folder (GPT-2 sec. 2.2)."""

import base64
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gptpath.errors import TokenError

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""GPT-2's split into words, within which alone bytes are merged (openai/gpt-2 encoder.py)."""

END_OF_TEXT = "<|endoftext|>"
BYTES = 256

BUFFERED_TEXTS = 1024
"""Texts that the trainer holds at once; changes no result."""

RANKS_FILE = "tokenizer.tiktoken"
SETTINGS_FILE = "tokenizer.json"


def train_ranks(texts: Iterable[str], *, vocab_size: int) -> list[bytes]:
    """Learn merges from `texts`; the token of rank r is item r, single bytes first.

    Returns `vocab_size - 1` tokens: the last id of the vocabulary is end of text. Raises
    TokenError if the texts hold fewer different pairs than merges are wanted.
    """
    # Here, for who trains models on a machine without it.
    from rustbpe import Tokenizer  # pyright: ignore[reportAttributeAccessIssue]

    logging.getLogger("rustbpe").setLevel(logging.WARNING)  # it logs every percent of the merges
    tokenizer = Tokenizer()
    tokenizer.train_from_iterator(
        iter(texts), vocab_size - 1, buffer_size=BUFFERED_TEXTS, pattern=PATTERN
    )
    ranks = [bytes([value]) for value in range(BYTES)]
    for token, rank in sorted(tokenizer.get_mergeable_ranks(), key=lambda pair: pair[1]):
        if rank >= BYTES:
            ranks.append(bytes(token))
    if len(ranks) < vocab_size - 1:
        raise TokenError(
            f"the sample yields only {len(ranks) - BYTES} merges, tokenizer.vocab_size="
            f"{vocab_size} needs {vocab_size - 1 - BYTES}; set tokenizer.vocab_size to at most "
            f"{len(ranks) + 1} or give more text"
        )
    return ranks


def take_bytes(texts: Iterable[str], most: int) -> Iterator[str]:
    """Yield texts from the first on until the next would exceed `most` UTF-8 bytes in all.

    A first text that exceeds it alone is cut, so that a sample is never empty.
    """
    taken = 0
    for text in texts:
        size = len(text.encode())
        if taken + size > most:
            if taken == 0:
                yield text.encode()[:most].decode("utf-8", "ignore")
            return
        taken += size
        yield text


def write_tokenizer(folder: Path, ranks: list[bytes], *, name: str) -> None:
    """Write a tokenizer folder: ranks in tiktoken's format and tokenizer.json (docs/formats.md)."""
    lines = [f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(ranks)]
    write_whole(folder / RANKS_FILE, "".join(lines).encode())
    settings = {
        "name": name,
        "pattern": PATTERN,
        "special_tokens": {END_OF_TEXT: len(ranks)},
        "vocab_size": len(ranks) + 1,
    }
    write_settings(folder, settings)


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write tokenizer.json, which makes the files beside it a tokenizer folder."""
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    write_whole(folder / SETTINGS_FILE, text.encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)
