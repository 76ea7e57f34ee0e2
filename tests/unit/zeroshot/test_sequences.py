import numpy as np
import pytest
import tiktoken

from gptpath.errors import CorpusError
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.sequences import encode_request, request_rows

END = 300


@pytest.fixture(scope="module")
def merging() -> tiktoken.Encoding:
    """Bytes, and tokens for "ab", "abc" and the first two bytes of a three-byte letter."""
    pairs = [b"ab", b"abc", "日".encode()[:2], b"  "]
    ranks = {bytes([b]): b for b in range(256)} | {p: 256 + n for n, p in enumerate(pairs)}
    return tiktoken.Encoding(
        name="merging",
        pat_str=r" ?\p{L}+|\s+(?!\S)|\s+|[^\s\p{L}]+",
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": END},
    )


def encoded(encoding: tiktoken.Encoding, context: str, *texts: str) -> tuple[list[int], list[str]]:
    before, after = encode_request(
        encoding, Request(context=context, continuations=texts), first=[END]
    )
    spelt = [encoding.decode_bytes(tokens.tolist()).decode("utf-8", "replace") for tokens in after]
    return before.tolist(), spelt


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ("x", " y"),
        ("x", "y"),
        ("a", "b"),  # one token together
        ("xab", "cd"),
        ("e", "\u0301 accent"),  # a combining mark on the context's last letter
        ("日", "日本"),
        ("family 👨", "\u200d👩"),  # half of a joined emoji
        ("x\n", "y"),
    ],
)
def test_context_and_continuation_spell_the_text_whatever_merges_across_their_boundary(
    merging: tiktoken.Encoding, context: str, text: str
) -> None:
    before, [after] = encoded(merging, context, text)
    assert merging.decode(before) + after == context + text


def test_together_decides_where_it_leaves_the_context_as_it_is(merging: tiktoken.Encoding) -> None:
    _, [tokens] = encode_request(merging, Request(context="x", continuations=(" ab",)), [END])
    assert merging.encode_ordinary("x ab")[1:] == tokens.tolist()


def test_a_merge_across_the_boundary_makes_the_two_be_encoded_apart(
    merging: tiktoken.Encoding,
) -> None:
    before, [after] = encode_request(merging, Request(context="a", continuations=("b",)), [END])
    assert merging.encode_ordinary("ab") == [256]
    assert (before.tolist(), after.tolist()) == ([ord("a")], [ord("b")])


def test_whitespace_at_the_boundary_goes_to_the_continuation(merging: tiktoken.Encoding) -> None:
    assert encoded(merging, "x \n", "y") == ([ord("x")], [" \ny"])
    assert encoded(merging, "x", " \ny") == ([ord("x")], [" \ny"])


@pytest.mark.parametrize("context", ["", " ", "\n\t "])
def test_a_context_of_whitespace_is_an_empty_one(merging: tiktoken.Encoding, context: str) -> None:
    assert encoded(merging, context, "y") == ([END], ["y"])


def test_tokens_that_start_every_text_stand_before_a_context_that_is_not_empty(
    merging: tiktoken.Encoding,
) -> None:
    request = Request(context="x", continuations=("y",))
    before, _ = encode_request(merging, request, first=[7], start=[8])
    assert before.tolist() == [8, ord("x")]
    before, _ = encode_request(
        merging, Request(context="", continuations=("y",)), first=[7], start=[8]
    )
    assert before.tolist() == [7]


def test_single_surrogates_read_as_the_replacement_character(merging: tiktoken.Encoding) -> None:
    before, [after] = encoded(merging, "x\ud83d", "\ude00")
    assert merging.decode(before) + after == "x\ufffd\ufffd"


@pytest.mark.parametrize("texts", [(), ("",), ("a", "")])
def test_a_candidate_without_a_token_is_refused(
    merging: tiktoken.Encoding, texts: tuple[str, ...]
) -> None:
    with pytest.raises(CorpusError, match="at least one token each.*the context"):
        encoded(merging, "the context", *texts)


def test_a_long_context_is_cut_alike_for_all_or_for_each_on_its_own() -> None:
    context, texts = np.arange(20), [np.array([50]), np.array([60, 61, 62])]
    alike = request_rows(context, texts, 8, same_context=True)
    assert [row.tokens.tolist() for [row] in alike] == [
        [14, 15, 16, 17, 18, 19, 50],
        [14, 15, 16, 17, 18, 19, 60, 61, 62],
    ]
    own = request_rows(context, texts, 8, same_context=False)
    assert own[0][0].tokens.tolist() == [12, 13, 14, 15, 16, 17, 18, 19, 50]
    assert own[1][0].tokens.tolist() == alike[1][0].tokens.tolist()


def test_a_continuation_longer_than_the_window_takes_several_rows_each_token_once() -> None:
    [rows] = request_rows(np.array([1, 2]), [np.arange(10, 30)], 8, same_context=True)
    assert np.concatenate([row.tokens[-row.n_targets :] for row in rows]).tolist() == [
        *range(10, 30)
    ]
    assert rows[0].tokens.tolist() == [2, *range(10, 18)]
    assert all(len(row.tokens) <= 9 for row in rows)
