"""A tokenizer folder as a `tiktoken.Encoding`."""

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tiktoken

from gptpath.errors import TokenError
from gptpath.tokens.bpe import END_OF_TEXT, RANKS_FILE, SETTINGS_FILE


def load_encoding(folder: Path) -> tiktoken.Encoding:
    """Read a tokenizer folder; TokenError if a file is missing or does not fit the other."""
    settings = _read_settings(folder / SETTINGS_FILE)
    ranks = _read_ranks(folder / RANKS_FILE)
    try:
        special = {str(token): int(rank) for token, rank in settings["special_tokens"].items()}
        vocab_size = int(settings["vocab_size"])
        if special.get(END_OF_TEXT) != vocab_size - 1 or len(ranks) + len(special) != vocab_size:
            raise TokenError(
                f"{folder}: {len(ranks)} ranks and special tokens {special} do not make a "
                f"vocabulary of {vocab_size} with {END_OF_TEXT} last; run `gptpath tokenizer` again"
            )
        return tiktoken.Encoding(
            name=str(settings["name"]),
            pat_str=str(settings["pattern"]),
            mergeable_ranks=ranks,
            special_tokens=special,
            explicit_n_vocab=vocab_size,
        )
    except (KeyError, AttributeError, ValueError, AssertionError) as error:
        raise TokenError(f"{folder / SETTINGS_FILE} is damaged: {error!r}") from None


def token_byte_lengths(encoding: tiktoken.Encoding) -> npt.NDArray[np.int64]:
    """Bytes of text that each id stands for, shape (vocabulary,); 0 for special tokens."""
    lengths = np.zeros(encoding.n_vocab, dtype=np.int64)
    special = {encoding.encode_single_token(token) for token in encoding.special_tokens_set}
    for rank in range(encoding.n_vocab):
        if rank not in special:
            lengths[rank] = len(encoding.decode_single_token_bytes(rank))
    return lengths


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TokenError(f"no tokenizer in {path.parent}; run `gptpath tokenizer` first") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TokenError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(settings, dict):
        raise TokenError(f"{path} must hold an object, not {type(settings).__name__}")
    return settings


def _read_ranks(path: Path) -> dict[bytes, int]:
    if not path.is_file():
        raise TokenError(f"no ranks file {path}; run `gptpath tokenizer` first")
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        token, _, rank = line.partition(b" ")
        try:
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (binascii.Error, ValueError):
            raise TokenError(
                f"{path} line {number}: expected a base64 token, a blank and its rank"
            ) from None
    if sorted(ranks.values()) != list(range(len(ranks))):
        raise TokenError(f"{path}: ranks must run from 0 without gaps or repeated tokens")
    return ranks
