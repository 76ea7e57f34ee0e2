from pathlib import Path

import numpy as np
import pytest

from gptpath.tokens.bpe import train_ranks, write_tokenizer
from gptpath.tokens.shards import SplitWriter, TokenSplit, open_split, write_index

TEXTS = [
    "The cat sat on the mat, and the other cats sat there too.",
    "Tokens are made from bytes: naïve café — déjà vu!",
    "12345 numbers, 67 spaces   and\n\nnew lines\t.",
] * 8


@pytest.fixture
def texts() -> list[str]:
    return TEXTS


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, train_ranks(TEXTS, vocab_size=300), name="small")
    return folder


@pytest.fixture
def write_split(tmp_path):
    def write(
        documents: list[list[int]], *, vocab_size: int = 50, shard_tokens: int = 7
    ) -> TokenSplit:
        writer = SplitWriter(tmp_path, "train", vocab_size=vocab_size, shard_tokens=shard_tokens)
        for ids in documents:
            writer.append(ids, text_bytes=3 * len(ids))
        write_index(tmp_path, vocab_size=vocab_size, splits={"train": writer.finish()})
        return open_split(tmp_path, "train", verify=True)

    return write


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)
