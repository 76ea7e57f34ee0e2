"""Text from a model: greedy or sampled continuations of many prompts at once.

A continuation is a function of the model, its prompt, the settings, the seed and its number among
the samples of its prompt. The other prompts of a batch have no part in it.

Shapes in names: B batch, T position, D n_embd, V vocabulary.
"""

import hashlib
import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gptpath.errors import ConfigError
from gptpath.model.lstm import LSTM
from gptpath.model.predictor import Predictor, device_of
from gptpath.model.sampling import Sampling
from gptpath.tokens.encoding import Encoding


def generate(
    model: Predictor,
    encoding: Encoding,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    seed: int = 0,
    stop: Sequence[str] = (),
) -> list[str]:
    """Continue each prompt once; returns the continuations alone (see `generate_samples`)."""
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
    texts = generate_samples(
        model,
        encoding,
        prompts,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        seed=seed,
        stop=stop,
    )
    return [first for (first,) in texts]


@torch.no_grad()
def generate_samples(
    model: Predictor,
    encoding: Encoding,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    samples: int = 1,
    seed: int = 0,
    stop: Sequence[str] = (),
) -> list[list[str]]:
    """Continue each prompt `samples` times; returns the continuations alone, by prompt.

    A continuation ends before the first of the strings `stop` that its text comes to hold, before
    end of text, or after `max_new_tokens`. An empty prompt stands for the start of a document.

    A Transformer whose context is full reads the last `context_length` tokens anew for each
    further one, of a prompt that is longer to begin with as well; an LSTM reads on for ever.

    Raises:
        ConfigError: a setting is out of range.
    """
    _check(max_new_tokens, samples, stop)
    rows = [
        _Row(encoding, tokens, draws=_draws(seed, prompt, sample), count=max_new_tokens, stop=stop)
        for prompt in prompts
        for tokens in [encoding.encode_ordinary(prompt) or [encoding.eot_token]]
        for sample in range(samples)
    ]
    reader = _Reader(model, rows, samples)
    while any(row.open for row in rows):
        reader.drop_closed()
        logits_BV = reader.next_logits()
        due = [i for i, row in enumerate(reader.rows) if len(row.tokens) == reader.position]
        draws_B = torch.tensor([reader.rows[i].draws.random() for i in due], dtype=torch.float64)
        chosen_B = sampling.choose(logits_BV[due].float().cpu(), draws_B)
        for i, token in zip(due, chosen_B.tolist(), strict=True):
            reader.rows[i].extend(token)
    texts = [row.text for row in rows]
    return [texts[start : start + samples] for start in range(0, len(texts), samples)]


def _check(max_new_tokens: int, samples: int, stop: Sequence[str]) -> None:
    if max_new_tokens < 0:
        raise ConfigError(f"max_new_tokens={max_new_tokens} must not be negative")
    if samples < 1:
        raise ConfigError(f"samples={samples} must be at least 1")
    if isinstance(stop, str) or not all(stop):
        raise ConfigError(f"stop={stop!r} must be a list of strings, none of them empty")


def _draws(seed: int, prompt: str, sample: int) -> random.Random:
    """Random numbers that belong to one sample of one prompt, whatever else is generated."""
    digest = hashlib.sha256(f"{seed} {sample} {prompt}".encode("utf-8", "surrogatepass")).digest()
    return random.Random(int.from_bytes(digest, "little"))


class _Row:
    """One prompt and what has been generated for it."""

    def __init__(
        self,
        encoding: Encoding,
        tokens: Sequence[int],
        *,
        draws: random.Random,
        count: int,
        stop: Sequence[str],
    ) -> None:
        self.tokens = list(tokens)
        self.draws = draws
        self.open = count > 0
        self._encoding, self._stop = encoding, stop
        self._start, self._end = len(tokens), len(tokens) + count
        self._length: int | None = None
        """Characters before the first stop string, once there is one."""

    @property
    def text(self) -> str:
        """The continuation so far."""
        return self._encoding.decode(self.tokens[self._start :])[: self._length]

    def extend(self, token: int) -> None:
        """Take a chosen token; close the row if it ends the text."""
        if token == self._encoding.eot_token:
            self.open = False
            return
        self.tokens.append(token)
        if self._stop:
            text = self.text
            self._length = min((text.index(m) for m in self._stop if m in text), default=None)
        self.open = self._length is None and len(self.tokens) < self._end


class _Reader:
    """Reads all rows in step, so that one cache serves prompts of different lengths.

    A row whose prompt is longer than the others' is fed its own tokens until it has to choose.
    """

    def __init__(self, model: Predictor, rows: Sequence[_Row], samples: int) -> None:
        self.rows = list(rows)
        """Rows that are still being read, in the order of the cache."""
        self.position = 0
        """Tokens of each row read so far."""
        self._model = model
        self._device = device_of(model)
        self._context = None if isinstance(model, LSTM) else model.config.context_length
        self._cache: Any = model.new_cache(len(rows) // samples)
        if samples > 1:
            self._read_prompts_once(samples)

    def drop_closed(self) -> None:
        """Forget the rows that have ended."""
        kept = [i for i, row in enumerate(self.rows) if row.open]
        if len(kept) < len(self.rows):
            self.rows = [self.rows[i] for i in kept]
            self._cache = self._cache.select(torch.tensor(kept, device=self._device))

    def next_logits(self) -> Tensor:
        """Read up to where the next row must choose: scores of the following token, (B, V)."""
        start, self.position = self.position, min(len(row.tokens) for row in self.rows)
        if self._context is None or self.position <= self._context:
            x_BTD = self._model.hidden(self._tokens(self.rows, start, self.position), self._cache)
        else:
            start = self.position - self._context
            x_BTD = self._model.hidden(self._tokens(self.rows, start, self.position))
        return self._model.logits(x_BTD[:, -1])

    def _read_prompts_once(self, samples: int) -> None:
        """Read what all prompts have but for the last token, then share it among the samples."""
        end = min((len(row.tokens) for row in self.rows), default=0) - 1
        if self._context is None or end < self._context:
            if end > 0:
                self._model.hidden(self._tokens(self.rows[::samples], 0, end), self._cache)
                self.position = end
            owners = torch.arange(len(self.rows), device=self._device) // samples
            self._cache = self._cache.select(owners)

    def _tokens(self, rows: Sequence[_Row], start: int, end: int) -> Tensor:
        values = [row.tokens[start:end] for row in rows]
        return torch.tensor(values, dtype=torch.long, device=self._device)
