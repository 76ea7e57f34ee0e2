"""A tokenizer folder as an encoding: `tiktoken.Encoding`, or GPT-1's behind the same interface."""

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import tiktoken

from gptpath.errors import TokenError
from gptpath.tokens.bpe import END_OF_TEXT, RANKS_FILE, SETTINGS_FILE
from gptpath.tokens.gpt1 import Gpt1Encoding
from gptpath.tokens.gpt1_words import words_of
from gptpath.tokens.published import gpt1_tables


@runtime_checkable
class Encoding(Protocol):
    """What the package asks of an encoding: a part of `tiktoken.Encoding`."""

    name: str

    @property
    def n_vocab(self) -> int:
        """Number of ids; they run from 0."""
        ...

    @property
    def eot_token(self) -> int:
        """Id that ends a document."""
        ...

    def encode_ordinary(self, text: str) -> list[int]:
        """Ids of a text; the characters of a special token are but text."""
        ...

    def encode_ordinary_batch(self, text: list[str], *, num_threads: int = 8) -> list[list[int]]:
        """Ids of several texts."""
        ...

    def encode_to_numpy(
        self, text: str, *, disallowed_special: Collection[str] = ()
    ) -> npt.NDArray[np.uint32]:
        """Ids of a text as an array; with no `disallowed_special`, those of encode_ordinary."""
        ...

    def decode(self, tokens: Sequence[int], errors: str = "replace") -> str:
        """Text of ids."""
        ...

    def decode_single_token_bytes(self, token: int) -> bytes:
        """UTF-8 bytes of the text that one id stands for."""
        ...


def load_encoding(folder: Path) -> Encoding:
    """Read a tokenizer folder; TokenError if a file is missing or does not fit the other."""
    settings = _read_settings(folder / SETTINGS_FILE)
    try:
        if settings.get("kind") == "gpt1":
            merges, encoder = gpt1_tables(folder)
            words = words_of(str(settings["words"]))
            return Gpt1Encoding(str(settings["name"]), merges=merges, encoder=encoder, words=words)
        return _byte_level(folder, settings)
    except (KeyError, AttributeError, ValueError, AssertionError) as error:
        raise TokenError(f"{folder / SETTINGS_FILE} is damaged: {error!r}") from None


def _byte_level(folder: Path, settings: dict[str, Any]) -> tiktoken.Encoding:
    ranks = _read_ranks(folder / RANKS_FILE)
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


def token_byte_lengths(encoding: Encoding) -> npt.NDArray[np.int64]:
    """Bytes of text that each id stands for, shape (vocabulary,); 0 for end of text.

    Exact for byte-level encodings. GPT-1's ids count their letters and a blank per word, which is
    near the bytes of the text but not equal to them.
    """
    lengths = np.zeros(encoding.n_vocab, dtype=np.int64)
    for token in range(encoding.n_vocab):
        if token != encoding.eot_token:
            lengths[token] = len(encoding.decode_single_token_bytes(token))
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
