"""Our merges against a trainer that recounts every pair, and against `tokenizers`' trainer."""

from collections import Counter
from itertools import pairwise

import pytest
import regex
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from gptpath.config.ingest import InstalledDocs
from gptpath.text.documents import Document
from gptpath.text.sources.installed_docs import PYTHON, InstalledDocsSource
from gptpath.tokens.bpe import BYTES, PATTERN, train_ranks
from gptpath.tokens.published import byte_letters
from tests.parity.byte_level import merge_of

MERGES = 150


@pytest.fixture(scope="module")
def texts() -> list[str]:
    source = InstalledDocsSource(settings=InstalledDocs(packages=(PYTHON,), min_chars=400))
    found = source.read(source.units()[0])
    return [document.text for document in found if isinstance(document, Document)][:60]


class Recount:
    """Words as lists of tokens; every pair is counted anew for every merge."""

    def __init__(self, texts: list[str]) -> None:
        words = Counter(word for text in texts for word in regex.findall(PATTERN, text))
        self.words = [([bytes([b]) for b in word.encode()], n) for word, n in words.items()]

    def counts(self) -> Counter[tuple[bytes, bytes]]:
        counts: Counter[tuple[bytes, bytes]] = Counter()
        for parts, number in self.words:
            for pair in pairwise(parts):
                counts[pair] += number
        return counts

    def merge(self, pair: tuple[bytes, bytes]) -> None:
        for parts, _ in self.words:
            place = 0
            while place < len(parts) - 1:
                if (parts[place], parts[place + 1]) == pair:
                    parts[place : place + 2] = [pair[0] + pair[1]]
                place += 1


def test_every_merge_is_of_a_most_frequent_pair(texts):
    ranks = train_ranks(texts, vocab_size=BYTES + MERGES + 1)
    order = {token: rank for rank, token in enumerate(ranks)}
    recount = Recount(texts)
    for token in ranks[BYTES:]:
        counts = recount.counts()
        pair = merge_of(token, order)
        assert counts[pair] == max(counts.values())
        recount.merge(pair)


def test_where_no_two_pairs_tie_the_merges_are_those_of_tokenizers(texts):
    ours = train_ranks(texts, vocab_size=BYTES + MERGES + 1)[BYTES:]
    recount, order = Recount(texts), {}
    tied = MERGES
    order = {token: rank for rank, token in enumerate([bytes([b]) for b in range(BYTES)] + ours)}
    for place, token in enumerate(ours):
        most = recount.counts().most_common(2)
        if most[0][1] == most[1][1]:
            tied = place
            break
        recount.merge(merge_of(token, order))
    theirs = their_merges(texts)
    assert tied > 20
    assert ours[:tied] == theirs[:tied]
    assert len(set(ours) & set(theirs)) > 0.98 * MERGES


def their_merges(texts: list[str]) -> list[bytes]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=BYTES + MERGES,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        special_tokens=[],
    )
    tokenizer.train_from_iterator(texts, trainer)
    byte_of = {letter: byte for byte, letter in byte_letters().items()}
    ids = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])[BYTES:]
    return [bytes(byte_of[letter] for letter in token) for token, _ in ids]
