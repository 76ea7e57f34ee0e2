import pytest

from gptpath.errors import TokenError
from gptpath.tokens.bpe import BYTES, take_bytes, train_ranks, write_tokenizer


def test_single_bytes_come_first_and_every_merge_is_of_two_earlier_tokens(texts):
    ranks = train_ranks(texts, vocab_size=300)
    assert ranks[:BYTES] == [bytes([b]) for b in range(BYTES)]
    assert len(ranks) == len(set(ranks)) == 299
    for rank in range(BYTES, len(ranks)):
        earlier = set(ranks[:rank])
        token = ranks[rank]
        assert any(token[:i] in earlier and token[i:] in earlier for i in range(1, len(token)))


def test_training_twice_gives_the_same_merges(texts):
    assert train_ranks(texts, vocab_size=320) == train_ranks(texts, vocab_size=320)


def test_the_smallest_vocabulary_has_no_merges(texts):
    assert len(train_ranks(texts, vocab_size=257)) == BYTES


def test_a_text_with_too_few_pairs_says_what_vocabulary_it_can_give():
    with pytest.raises(TokenError, match="yields only 1 merges.*at most 258"):
        train_ranks(["ab"], vocab_size=400)


def test_a_sample_ends_before_its_most_bytes():
    assert list(take_bytes(["abc", "dé", "f"], 6)) == ["abc", "dé"]
    assert list(take_bytes(["abc", "dé", "f"], 7)) == ["abc", "dé", "f"]
    assert list(take_bytes(["dédé", "f"], 5)) == ["déd"]
    assert list(take_bytes([], 5)) == []


def test_a_tokenizer_folder_is_the_same_to_the_byte_and_leaves_no_other_file(texts, tmp_path):
    for name in ("a", "b"):
        write_tokenizer(tmp_path / name, train_ranks(texts, vocab_size=280), name="x")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["tokenizer.json", "tokenizer.tiktoken"]
    assert all(
        (tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files
    )
