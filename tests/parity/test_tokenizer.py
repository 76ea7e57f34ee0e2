"""Our trained ranks give the same ids in tiktoken and in Hugging Face's `tokenizers`."""

from itertools import pairwise

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from gptpath.config.ingest import InstalledDocs
from gptpath.text.documents import Document
from gptpath.text.sources.installed_docs import PYTHON, InstalledDocsSource
from gptpath.tokens.bpe import BYTES, PATTERN, train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding

ODD = [
    "naïve café — déjà vu 🙂 漢字かな",
    "tabs\tand   spaces \n\n  and lines\r\n",
    "don't we'll I've x1y2 __dunder__ 3.14159",
    "\u00a0no-break\u200bzero  \x00 end ",
    "",
]


def byte_letters() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte (openai/gpt-2 encoder.py)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + n) for n, b in enumerate(others)}


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


@pytest.fixture(scope="module")
def real_texts() -> list[str]:
    source = InstalledDocsSource(settings=InstalledDocs(packages=(PYTHON,), min_chars=100))
    found = source.read(source.units()[0])
    return [document.text for document in found if isinstance(document, Document)]


def test_both_libraries_give_the_same_ids_and_the_text_back(real_texts, tmp_path):
    tokens = train_ranks(real_texts, vocab_size=700)
    write_tokenizer(tmp_path, tokens, name="small")
    ours = load_encoding(tmp_path)
    theirs = hugging_face(tokens)
    assert len(real_texts) > 50
    for text in [*real_texts, *ODD]:
        ids = ours.encode_ordinary(text)
        assert ids == theirs.encode(text).ids
        assert ours.decode(ids) == theirs.decode(ids) == text
