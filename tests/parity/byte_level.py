"""Our ranks as a byte-level BPE of Hugging Face's `tokenizers`: an independent encoder."""

from itertools import pairwise

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from gptpath.tokens.bpe import BYTES, PATTERN
from gptpath.tokens.published import byte_letters


def merge_of(token: bytes, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The pair whose merge made `token`: BPE of its bytes with earlier merges only."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [(ranks.get(a + b, len(ranks)), n) for n, (a, b) in enumerate(pairwise(parts))]
        rank, place = min(pairs)
        assert rank < ranks[token]
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return parts[0], parts[1]


def hugging_face(tokens: list[bytes]) -> Tokenizer:
    letters = byte_letters()

    def spell(token: bytes) -> str:
        return "".join(letters[byte] for byte in token)

    ranks = {token: rank for rank, token in enumerate(tokens)}
    merges = [merge_of(token, ranks) for token in tokens[BYTES:]]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={spell(token): rank for token, rank in ranks.items()},
            merges=[(spell(a), spell(b)) for a, b in merges],
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
