"""Byte-level BPE as tiktoken's ranks and as Hugging Face's vocabulary and merges.

tiktoken joins the neighbours whose union has the lowest rank; `tokenizers` applies a list of pairs
in order. The two give the same ids if every token's pair is the one that its own bytes end in when
merged by the lower ranks, and if ids follow the order of the pairs.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gptpath.errors import TokenError
from gptpath.tokens.bpe import BYTES, END_OF_TEXT
from gptpath.tokens.published import byte_letters

Merge = tuple[str, str]


def tokenizer_json(ranks: Sequence[bytes]) -> dict[str, Any]:
    """Return tokenizer.json of the encoding with these ranks, end of text after the last.

    Raises TokenError if merges alone cannot make one of the tokens.
    """
    letters = byte_letters()

    def spell(token: bytes) -> str:
        return "".join(letters[byte] for byte in token)

    vocab = {spell(token): rank for rank, token in enumerate(ranks)} | {END_OF_TEXT: len(ranks)}
    end_of_text = {
        "id": len(ranks),
        "content": END_OF_TEXT,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [end_of_text],
        "normalizer": None,
        "pre_tokenizer": byte_level | {"use_regex": True},  # GPT-2's pattern, built in
        "post_processor": None,
        "decoder": byte_level | {"use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [[spell(first), spell(second)] for first, second in merges_of(ranks)],
        },
    }


def merges_of(ranks: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the pair that makes each token after the 256 bytes.

    Raises TokenError if the bytes do not come first, or if a token is not made of two others.
    """
    if sorted(ranks[:BYTES]) != [bytes([value]) for value in range(BYTES)]:
        raise TokenError("the first 256 ranks must be the single bytes; such ranks have no merges")
    rank_of = {token: rank for rank, token in enumerate(ranks)}
    merges: list[tuple[bytes, bytes]] = []
    for rank in range(BYTES, len(ranks)):
        parts = _merged(ranks[rank], rank_of, below=rank)
        if len(parts) != 2:
            raise TokenError(
                f"token {ranks[rank]!r} of rank {rank} is made of {parts} by the ranks below it, "
                "expected two parts; such ranks cannot be written as merges"
            )
        merges.append((parts[0], parts[1]))
    return merges


def ranks_of(vocab: Mapping[str, int], merges: Sequence[Merge], *, where: str) -> list[bytes]:
    """Return ranks, end of text left out, from a vocabulary and merges as GPT-2 spells them.

    Raises TokenError if the ids are not the bytes, the merges in their order, and end of text.
    """
    byte_of = {letter: byte for byte, letter in byte_letters().items()}
    if vocab.get(END_OF_TEXT) != len(vocab) - 1:
        raise TokenError(
            f"{where}: {END_OF_TEXT} has the id {vocab.get(END_OF_TEXT)}, expected the last one, "
            f"{len(vocab) - 1}; such a vocabulary cannot be imported"
        )
    spelt = sorted((rank, token) for token, rank in vocab.items() if token != END_OF_TEXT)
    wrong = [token for _, token in spelt if not set(token) <= byte_of.keys()]
    if wrong:
        raise TokenError(f"{where}: {wrong[:3]} are not spelt in GPT-2's letters for bytes")
    tokens = [token for _, token in spelt]
    if sorted(tokens[:BYTES]) != sorted(byte_of) or tokens[BYTES:] != [a + b for a, b in merges]:
        raise TokenError(
            f"{where}: the ids are not the 256 bytes followed by the {len(merges)} merges in their "
            "order, so tiktoken would give others; such a vocabulary cannot be imported"
        )
    ranks = [bytes(byte_of[letter] for letter in token) for token in tokens]
    for given, found in zip(merges, merges_of(ranks), strict=True):
        if bytes(byte_of[letter] for letter in given[0]) != found[0]:
            raise TokenError(
                f"{where}: merge {given} is not the one that ranks lead to, {found}; such a "
                "vocabulary cannot be imported"
            )
    return ranks


def _merged(token: bytes, rank_of: Mapping[bytes, int], *, below: int) -> list[bytes]:
    """Merge the bytes of a token by the ranks below one, lowest first."""
    parts = [bytes([value]) for value in token]
    while len(parts) > 1:
        pairs = [rank_of.get(first + second, below) for first, second in pairwise(parts)]
        lowest = min(pairs)
        if lowest >= below:
            break
        place = pairs.index(lowest)
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return parts
