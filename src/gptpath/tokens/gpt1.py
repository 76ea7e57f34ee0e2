"""GPT-1's published BPE: characters of lower-cased words, `</w>` at the end of each (GPT-1 4.1).

Not reversible: case, spacing and unknown characters are lost; a second round trip changes nothing
more. Its 40,478 symbols hold no end of text: the newline, its last id, stands for it.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gptpath.tokens.gpt1_words import Words

END_OF_WORD = "</w>"
NEWLINE = f"\n{END_OF_WORD}"
UNKNOWN = 0
"""Id of `<unk>`: any symbol that is not in the vocabulary."""

CACHED_WORDS = 2**18


class Gpt1Encoding:
    """GPT-1's encoder behind the part of `tiktoken.Encoding` that the package uses."""

    def __init__(
        self,
        name: str,
        *,
        merges: Sequence[tuple[str, str]],
        encoder: Mapping[str, int],
        words: Words,
    ) -> None:
        self.name = name
        self.n_vocab = len(encoder)
        self.eot_token = encoder[NEWLINE]
        self._encoder, self._words = dict(encoder), words
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        spelt = {i: s.replace(END_OF_WORD, "" if s == NEWLINE else " ") for s, i in encoder.items()}
        self._spelt = [spelt[i] for i in range(self.n_vocab)]
        self._word_ids = lru_cache(maxsize=CACHED_WORDS)(self._merge)

    def encode_ordinary(self, text: str) -> list[int]:
        """Ids of a text; it has no special tokens."""
        ids: list[int] = []
        for word in self._words(text):
            ids.extend(self._word_ids(word))
        return ids

    def encode_ordinary_batch(self, text: list[str], *, num_threads: int = 8) -> list[list[int]]:
        """Ids of several texts."""
        with ThreadPoolExecutor(num_threads) as executor:
            return list(executor.map(self.encode_ordinary, text))

    def encode_to_numpy(
        self, text: str, *, disallowed_special: Collection[str] = ()
    ) -> npt.NDArray[np.uint32]:
        """Ids of a text as an array; tiktoken's argument changes nothing here."""
        del disallowed_special
        return np.array(self.encode_ordinary(text), dtype=np.uint32)

    def decode(self, tokens: Sequence[int], errors: str = "replace") -> str:
        """Lower-cased words with a blank between; newlines as they are. `errors` is idle."""
        del errors
        return "".join(self._spelt[token] for token in tokens).removesuffix(" ")

    def decode_single_token_bytes(self, token: int) -> bytes:
        """UTF-8 bytes of one symbol, a blank for the end of a word."""
        return self._spelt[token].encode()

    def _merge(self, word: str) -> tuple[int, ...]:
        parts = [*word[:-1], word[-1] + END_OF_WORD]
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            parts = _merged(parts, best)
        return tuple(self._encoder.get(part, UNKNOWN) for part in parts)


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """Join `pair` wherever it occurs, from left to right."""
    joined: list[str] = []
    place = 0
    while place < len(parts):
        if tuple(parts[place : place + 2]) == pair:
            joined.append(parts[place] + parts[place + 1])
            place += 2
        else:
            joined.append(parts[place])
            place += 1
    return joined
