"""Text from a model: greedy or sampled continuations of many prompts at once.

Shapes in names: B batch, T position, D n_embd, V vocabulary.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gptpath.model.build import LanguageModel
from gptpath.model.lstm import LSTM
from gptpath.tokens.encoding import Encoding


@torch.no_grad()
def generate(
    model: LanguageModel,
    encoding: Encoding,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
    stop: Sequence[str] = (),
) -> list[str]:
    """Continue each prompt; returns the continuations alone.

    Temperature 0 is greedy. A continuation ends before the first of `stop`, before end of text,
    or after `max_new_tokens`. It depends on its prompt, the seed and its place in `prompts`, not
    on the other prompts. A Transformer whose context is full reads the last `context_length`
    tokens anew for each further one; an LSTM reads on. An empty prompt stands for the start of a
    document.
    """
    rows = [
        _Row(encoding, prompt, seed=(seed, index), count=max_new_tokens, stop=stop)
        for index, prompt in enumerate(prompts)
    ]
    reader = _Reader(model, rows)
    while any(row.open for row in rows):
        logits_BV = reader.next_logits()
        active = [index for index, row in enumerate(rows) if row.due(reader.position)]
        draws = torch.tensor([rows[index].draw() for index in active], dtype=torch.float64)
        chosen = _choose(logits_BV[active].float().cpu(), temperature, top_k, draws)
        for index, token in zip(active, chosen.tolist(), strict=True):
            rows[index].extend(token)
    return [row.text for row in rows]


class _Row:
    """One prompt and what has been generated for it."""

    def __init__(
        self,
        encoding: Encoding,
        prompt: str,
        *,
        seed: tuple[int, int],
        count: int,
        stop: Sequence[str],
    ) -> None:
        self.tokens = encoding.encode_ordinary(prompt) or [encoding.eot_token]
        self.text = ""
        self.open = count > 0
        self._encoding, self._stop = encoding, stop
        self._start, self._end = len(self.tokens), len(self.tokens) + count
        # One uniform number per token, drawn ahead: independent of the other rows and of stops.
        generator = torch.Generator().manual_seed(seed[0] * 1_000_003 + seed[1])
        self._draws = torch.rand(count, dtype=torch.float64, generator=generator).tolist()

    def due(self, position: int) -> bool:
        """Whether this row chooses the token that follows its first `position` tokens."""
        return self.open and len(self.tokens) == position

    def draw(self) -> float:
        """Return the uniform number that decides the next token."""
        return self._draws[len(self.tokens) - self._start]

    def extend(self, token: int) -> None:
        """Take a chosen token; close the row if it ends the text."""
        if token == self._encoding.eot_token:
            self.open = False
            return
        self.tokens.append(token)
        self.text = self._encoding.decode(self.tokens[self._start :])
        ends = [self.text.find(mark) for mark in self._stop if mark in self.text]
        if ends:
            self.text = self.text[: min(ends)]
        self.open = not ends and len(self.tokens) < self._end


class _Reader:
    """Reads all rows in step, so that one cache serves prompts of different lengths.

    A row whose prompt is longer than the others' is fed its own tokens until it has to choose.
    """

    def __init__(self, model: LanguageModel, rows: Sequence[_Row]) -> None:
        self.position = 0
        """Tokens of each row read so far."""
        self._model, self._rows = model, rows
        self._device = model.wte.weight.device
        self._cache = model.new_cache(len(rows))
        self._unbounded = isinstance(model, LSTM)

    def next_logits(self) -> Tensor:
        """Read up to where the next row must choose: scores of the following token, (B, V)."""
        start = self.position
        self.position = min(len(row.tokens) for row in self._rows if row.open)
        context = self._model.config.context_length
        if self._unbounded or self.position <= context:
            x_BTD = self._model.hidden(self._read(start, self.position), self._cache)
        else:
            x_BTD = self._model.hidden(self._read(self.position - context, self.position))
        return self._model.logits(x_BTD[:, -1])

    def _read(self, start: int, end: int) -> Tensor:
        # A closed row that is too short goes on with any token: nobody reads its scores.
        padded = [(row.tokens + [0] * (end - len(row.tokens)))[start:end] for row in self._rows]
        return torch.tensor(padded, dtype=torch.long, device=self._device)


def _choose(logits_BV: Tensor, temperature: float, top_k: int | None, draws_B: Tensor) -> Tensor:
    if temperature == 0:
        return logits_BV.argmax(1)
    if top_k is not None and top_k < logits_BV.size(1):
        least = logits_BV.topk(top_k, dim=1).values[:, -1:]
        logits_BV = logits_BV.masked_fill(logits_BV < least, -torch.inf)
    totals_BV = (logits_BV.double() / temperature).softmax(1).cumsum(1)
    thresholds = draws_B[:, None] * totals_BV[:, -1:]
    return torch.searchsorted(totals_BV, thresholds, right=True).squeeze(1)
