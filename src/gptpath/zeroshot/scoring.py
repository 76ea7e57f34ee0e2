"""The three requests that are the whole contract between a language model and a protocol.

1. `Scorer.log_likelihoods`: how probable is each continuation of a context?
2. `Scorer.rolling`: how probable is every token of a long token array?
3. `Scorer.generate`: how does the model go on?

Everything else in this room is a protocol over these three (docs/protocols.md).

How texts become sequences, what is cut and when: `sequences`. How common beginnings are read once:
`prefixes`. How a token's log-probability comes about without a table of logits: `log_probs`.

Scores do not depend on the batch size or on the order of requests. A forward pass holds sequences
of exactly one shape, which each sequence has by itself: its own length up to the next multiple of
a quantum, padded on the right where causality hides it. On a CPU log-probabilities are the same to
the last bit for any batch size, order and number of threads, as batches are pieces of work with one
thread each (`side_by_side`); elsewhere they agree but for rounding (docs/protocols.md).
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from gptpath.model.device import autocast
from gptpath.model.generation import generate
from gptpath.model.lstm import LSTM
from gptpath.model.predictor import Predictor, device_of, keeps_past
from gptpath.model.transformer import Transformer
from gptpath.tokens.encoding import Encoding
from gptpath.zeroshot.likelihood import Likelihood, Request, Tokens, join
from gptpath.zeroshot.prefixes import QUANTUM, Node, Row, prefix_tree
from gptpath.zeroshot.sequences import encode_request, request_rows, windows
from gptpath.zeroshot.side_by_side import Piece, run
from gptpath.zeroshot.states import States

Item = TypeVar("Item")

POSITIONS_AT_ONCE = {"cpu": 2048, "cuda": 2**16}
"""Most positions in one forward pass of several sequences, those in its memory included:
activations that a CPU's last cache holds, and some GiB."""

GENERATED_AT_ONCE = 32
"""Prompts that are continued side by side."""


class Scorer:
    """Answers the three requests for one model in evaluation mode.

    A forward pass holds no more positions than `batch_size` whole contexts have. `same_context`
    says whether all continuations of a request see the same context where it has to be cut (see
    `sequences`). `start` are ids before every context, `first` those of an empty one (default:
    `start`, or else end of text). `tokens` counts the positions run through the model so far.
    """

    def __init__(
        self,
        model: Predictor,
        encoding: Encoding,
        *,
        batch_size: int,
        precision: str = "float32",
        same_context: bool = True,
        start: Sequence[int] = (),
        first: Sequence[int] = (),
    ) -> None:
        self.model = model
        self.encoding = encoding
        self.precision = precision
        self.same_context = same_context
        self.context_length = model.config.context_length
        self.vocab_size = model.config.vocab_size
        self.device = device_of(model)
        self._quantum = QUANTUM[self.device.type]
        self._most = min(batch_size * self.context_length, POSITIONS_AT_ONCE[self.device.type])
        self.tokens = 0
        self._counting = threading.Lock()
        self._start = list(start)
        self._first = list(first) or list(start) or [encoding.eot_token]

    def log_likelihoods(self, requests: Sequence[Request]) -> list[list[Likelihood]]:
        """Score every continuation of every request, in the order given.

        Raises CorpusError for a continuation without any token.
        """
        texts: list[list[list[Row]]] = []
        for request in requests:
            context, continuations = encode_request(
                self.encoding, request, self._first, self._start
            )
            text = request_rows(
                context, continuations, self.context_length, same_context=self.same_context
            )
            if request.barred:
                text = [[replace(row, barred=request.barred), *rest] for row, *rest in text]
            texts.append(text)
        flat = iter(self._score([row for text in texts for rows in text for row in rows]))
        return [[join([next(flat) for _ in rows]) for rows in text] for text in texts]

    def rolling(self, tokens: Tokens, *, stride: int | None = None) -> Likelihood:
        """Score each token of `tokens` (n,) once, the first one after an end-of-text token.

        Windows for context_length 4 and stride 2, `|` for end of text:
        ```
        reads | t0 t1 t2           predicts t0 t1 t2 t3
        reads     t1 t2 t3 t4      predicts             t4 t5
        ```
        The first window predicts context_length tokens, every later one `stride` tokens with as
        much context as fits.
        """
        [likelihood] = self.rolling_each([tokens], stride=stride)
        return likelihood

    def rolling_each(
        self, texts: Sequence[Tokens], *, stride: int | None = None
    ) -> list[Likelihood]:
        """`rolling` of several texts at once, each on its own; none may be empty."""
        rows = [
            list(
                windows(
                    np.concatenate([self._first, tokens]),
                    len(self._first),
                    self.context_length,
                    stride,
                )
            )
            for tokens in texts
        ]
        flat = iter(self._score([row for text in rows for row in text]))
        return [join([next(flat) for _ in text]) for text in rows]

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        top_k: int,
        seed: int,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """Sampled continuations of `prompts` (without the prompts); `top_k` 1 is greedy.

        A continuation ends before the first of the strings `stop`. Batches hold GENERATED_AT_ONCE
        prompts of like length.
        """
        lengths = [len(self.encoding.encode_ordinary(prompt)) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda i: (lengths[i], i))
        written: dict[int, str] = {}
        for start in range(0, len(order), GENERATED_AT_ONCE):
            batch = order[start : start + GENERATED_AT_ONCE]
            texts = generate(
                self.model,
                self.encoding,
                [prompts[i] for i in batch],
                max_new_tokens=max_new_tokens,
                top_k=top_k,
                seed=seed,
                stop=stop,
            )
            written.update(zip(batch, texts, strict=True))
        self.tokens += sum(lengths) + max_new_tokens * len(prompts)
        return [written[i] for i in range(len(prompts))]

    @torch.inference_mode()
    def _score(self, rows: Sequence[Row]) -> list[Likelihood]:
        """Score rows in any order; equal ones once."""
        if not rows:
            return []
        number: dict[tuple[bytes, int, tuple[int, ...]], int] = {}
        distinct: list[Row] = []
        keys = [(row.tokens.tobytes(), row.n_targets, row.barred) for row in rows]
        for key, row in zip(keys, rows, strict=True):
            if key not in number:
                number[key] = len(distinct)
                distinct.append(row)
        states = States(self.model, distinct, self.device)
        root = prefix_tree(distinct, quantum=self._quantum, share=keeps_past(self.model))
        threads = self._threads()
        run(self._below(distinct, [root], None, states), threads)
        run(states.rest(threads), threads)
        found = states.likelihoods()
        return [found[number[key]] for key in keys]

    def _threads(self) -> int:
        """Pieces that are worked at side by side; other people's models are asked one by one."""
        ours = isinstance(self.model, Transformer | LSTM) and self.device.type == "cpu"
        return torch.get_num_threads() if ours else 1

    def _below(
        self, rows: Sequence[Row], nodes: Sequence[Node], past: Any, states: States
    ) -> Iterator[Piece]:
        """What reads all rows that hang from `nodes`; row i of `past` remembers node i's tokens."""
        depth = nodes[0].end
        leaves = [(owner, row) for owner, node in enumerate(nodes) for row in node.rows]
        for batch in self._batches(leaves, depth, lambda leaf: self._length(rows[leaf[1]], depth)):
            yield partial(self._read_leaves, rows, depth, batch, past, states)
        children = [(owner, child) for owner, node in enumerate(nodes) for child in node.children]
        for batch in self._batches(children, depth, lambda pair: pair[1].end - depth):
            yield partial(self._read_nodes, rows, depth, batch, past, states)

    def _read_leaves(
        self,
        rows: Sequence[Row],
        depth: int,
        batch: Sequence[tuple[int, int]],
        past: Any,
        states: States,
    ) -> Iterable[Piece]:
        """Read pairs of a node's number and a row that ends below it."""
        numbers = [row for _, row in batch]
        length = self._length(rows[numbers[0]], depth)
        inputs = [rows[i].tokens[depth:-1] for i in numbers]
        memory = self._select(past, [owner for owner, _ in batch])
        return states.take(self._read(inputs, length, memory), depth, numbers)

    def _read_nodes(
        self,
        rows: Sequence[Row],
        depth: int,
        batch: Sequence[tuple[int, Node]],
        past: Any,
        states: States,
    ) -> Iterable[Piece]:
        """Read pairs of a node's number and a node below it, to go on from there."""
        below = [child for _, child in batch]
        memory = self._select(past, [owner for owner, _ in batch])
        if memory is None:
            memory = self.model.new_cache(len(batch))
        self._read([node.tokens[depth:] for node in below], below[0].end - depth, memory)
        return self._below(rows, below, memory, states)

    def _length(self, row: Row, depth: int) -> int:
        """Positions of a row below `depth`, up to a whole quantum if the context has room."""
        length = len(row.tokens) - 1 - depth
        return min(length + -length % self._quantum, self.context_length - depth)

    def _batches(
        self, items: Sequence[Item], depth: int, length: Callable[[Item], int]
    ) -> Iterator[list[Item]]:
        """Items of one length below `depth`, longest first, as many as a forward pass may hold."""
        by_length: dict[int, list[Item]] = {}
        for item in items:
            by_length.setdefault(length(item), []).append(item)
        for size, alike in sorted(by_length.items(), key=lambda entry: -entry[0]):
            most = max(1, self._most // (depth + size))
            for start in range(0, len(alike), most):
                yield alike[start : start + most]

    def _select(self, past: Any, owners: Sequence[int]) -> Any:
        return None if past is None else past.select(torch.tensor(owners, device=self.device))

    def _read(self, inputs: Sequence[Tokens], length: int, past: Any) -> torch.Tensor:
        """Run ids, padded on the right to `length`, through the model: final states (B, T, D)."""
        padded = np.zeros((len(inputs), length), dtype=np.int64)
        for number, tokens in enumerate(inputs):
            padded[number, : len(tokens)] = tokens
        with self._counting:
            self.tokens += padded.size
        with autocast(self.device, self.precision):
            return self.model.hidden(torch.from_numpy(padded).to(self.device), past)
