"""From texts to token sequences: the boundary of context and continuation, truncation, windows."""

from collections.abc import Iterator, Sequence

import numpy as np

from gptpath.errors import CorpusError
from gptpath.tokens.encoding import Encoding
from gptpath.zeroshot.likelihood import Request, Tokens
from gptpath.zeroshot.prefixes import Row


def encode_request(
    encoding: Encoding, request: Request, first: Sequence[int], start: Sequence[int] = ()
) -> tuple[Tokens, list[Tokens]]:
    """Ids of the context and of each continuation.

    Whitespace at the end of a context belongs to its continuation. Context and continuation are
    encoded together, and what follows the context's own ids is the continuation. Where encoding
    together changes the context's own ids (a merge across the boundary), the two are encoded
    apart, so that every sequence spells its text exactly and each continuation gets all of its
    characters.

    `first` are the ids of an empty context, `start` those before any other.

    Raises CorpusError for a continuation without any token.
    """
    context = request.context.rstrip()
    moved = request.context[len(context) :] if context else ""
    ids = encoding.encode_ordinary(context)
    if not ids:
        context, moved = "", ""
    texts = [moved + text for text in request.continuations]
    continuations = [_continuation(encoding, context, ids, text) for text in texts]
    if not continuations or not all(map(len, continuations)):
        raise CorpusError(
            f"a request needs continuations of at least one token each, given "
            f"{list(request.continuations)!r} after {request.context[-40:]!r}"
        )
    before = [*start, *ids] if ids else list(first)
    return np.array(before, dtype=np.int64), continuations


def _continuation(encoding: Encoding, context: str, ids: list[int], text: str) -> Tokens:
    whole = encoding.encode_ordinary(context + text)
    if whole[: len(ids)] == ids and (len(whole) > len(ids) or not text):
        return np.array(whole[len(ids) :], dtype=np.int64)
    return np.array(encoding.encode_ordinary(text), dtype=np.int64)


def request_rows(
    context: Tokens, continuations: Sequence[Tokens], context_length: int, *, same_context: bool
) -> list[list[Row]]:
    """Rows that together score each continuation, in its order.

    Of a context that does not fit, the last tokens are kept: with `same_context` as many as leave
    room for the longest continuation of the request, so that all see the same, otherwise as many
    as leave room for each on its own. A continuation longer than the window is scored in
    consecutive windows, each token once.
    """
    longest = max(map(len, continuations))
    keep = context_length + 1 - longest
    if same_context and 0 < keep < len(context):
        context = context[-keep:]
    return [
        list(windows(np.concatenate([context, tokens]), len(context), context_length))
        for tokens in continuations
    ]


def windows(
    sequence: Tokens, first_target: int, context_length: int, stride: int | None = None
) -> Iterator[Row]:
    """Cut `sequence` into rows that together predict its tokens from `first_target` on.

    The first row predicts context_length tokens, every later one `stride`, with as much before
    them as fits.
    """
    start, step = first_target, context_length
    while start < len(sequence):
        stop = min(start + step, len(sequence))
        yield Row(sequence[max(0, stop - 1 - context_length) : stop], stop - start)
        start, step = stop, stride or context_length
