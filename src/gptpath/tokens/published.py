"""The encoders published with GPT-1's and GPT-2's weights, read from files and checked.

GPT-2: `vocab.bpe` (merges) and `encoder.json` (ids) of openai/gpt-2. GPT-1: `vocab_40000.bpe` and
`encoder_bpe_40000.json` of openai/finetune-transformer-lm. Each plain or gzip-compressed.
"""

import gzip
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import tiktoken

from gptpath.errors import TokenError
from gptpath.tokens.bpe import write_settings, write_whole
from gptpath.tokens.gpt1 import NEWLINE

GPT2_FILES = {
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
}
"""SHA-256 of GPT-2's files, as tiktoken pins them too."""
GPT1_FILES = {
    "vocab_40000.bpe": "0ea9b51ae695073cd871e0358f7016311d671a7ff3963e367d5236522f294725",
    "encoder_bpe_40000.json": "fdf49b19e7de236852091da09b84a7a3cd5e7b0e79916376cf45f6b8127b8078",
}
"""SHA-256 of GPT-1's files at openai/finetune-transformer-lm a69b5c4."""


def gpt2_ranks(files: Path | None) -> list[bytes]:
    """GPT-2's 50,256 tokens in the order of their ids; end of text, the last id, left out.

    Ids 0 to 255 are the single bytes in GPT-2's order: the printable ones first. With `files` None
    tiktoken downloads them. Raises TokenError if the files are not the published ones.
    """
    if files is None:
        try:
            encoding = tiktoken.get_encoding("gpt2")
        except Exception as error:  # whatever the network raises
            raise TokenError(
                f"tiktoken cannot download the encoding gpt2 ({error!r}); put vocab.bpe and "
                "encoder.json into a folder and name it in tokenizer.files"
            ) from None
        return [encoding.decode_single_token_bytes(rank) for rank in range(encoding.n_vocab - 1)]
    merges, encoder = _read_published(files, GPT2_FILES)
    byte_of = {letter: byte for byte, letter in byte_letters().items()}
    ids = {
        bytes(byte_of[c] for c in spelt): rank for spelt, rank in encoder.items() if rank < 50256
    }
    ranks = [bytes([byte_of[letter]]) for letter in sorted(byte_of)]
    ranks += [bytes(byte_of[c] for c in first + second) for first, second in merges]
    # tiktoken merges by rank, so ids must follow the order of the merges.
    assert ids == {token: rank for rank, token in enumerate(ranks)}, "merges and ids disagree"
    return ranks


def gpt1_tables(files: Path) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """GPT-1's 40,000 merges in order, and the ids of its 40,478 symbols.

    Raises TokenError if the files are not the published ones.
    """
    return _read_published(files, GPT1_FILES)


def write_gpt1_tokenizer(folder: Path, files: Path, *, words: str) -> None:
    """Write a tokenizer folder of GPT-1's BPE: the two published files and tokenizer.json."""
    for name, expected in GPT1_FILES.items():
        write_whole(folder / name, _read_checked(files, name, expected))
    _, encoder = gpt1_tables(folder)
    settings = {
        "kind": "gpt1",
        "name": f"gpt1-{words}",
        "special_tokens": {NEWLINE: encoder[NEWLINE]},
        "vocab_size": len(encoder),
        "words": words,
    }
    write_settings(folder, settings)


def byte_letters() -> dict[int, str]:
    """The printable character by which GPT-2's files spell each byte (openai/gpt-2 encoder.py).

    188 printable bytes spell themselves, the rest follow from code point 256 on.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + n) for n, b in enumerate(others)}


def _read_published(
    folder: Path, hashes: dict[str, str]
) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Merges and ids from the two files that `hashes` names, merges first."""
    merges_text, encoder_text = (_read_checked(folder, *entry) for entry in hashes.items())
    merges: list[tuple[str, str]] = []
    for line in merges_text.decode("utf-8").split("\n")[1:-1]:
        first, second = line.split(" ")
        merges.append((first, second))
    encoder: dict[str, Any] = json.loads(encoder_text)
    return merges, encoder


def _read_checked(folder: Path, name: str, expected: str) -> bytes:
    plain, packed = folder / name, folder / f"{name}.gz"
    try:
        content = plain.read_bytes() if plain.is_file() else gzip.decompress(packed.read_bytes())
    except FileNotFoundError:
        raise TokenError(f"neither {plain} nor {packed.name} exists; put it there") from None
    except (OSError, EOFError, zlib.error) as error:
        raise TokenError(f"{packed} cannot be unpacked: {error}; fetch it again") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise TokenError(
            f"{folder}: {name} has SHA-256 {digest}, expected the published {expected}; "
            "fetch it again from its source"
        )
    return content
