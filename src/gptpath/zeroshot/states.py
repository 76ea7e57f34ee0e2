"""Final states whose targets are still to be judged: gathered from many batches, judged in pieces.

The targets of all rows form one long array, row after row; a *place* is an index into it. Rows that
begin alike ask different tokens of the same state: the first of them owns it, and it is multiplied
with the vocabulary once.

Shapes in names: T targets, M states, m some of them, D state, B batch.
"""

import threading
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from gptpath.model.predictor import Predictor
from gptpath.zeroshot.likelihood import Likelihood
from gptpath.zeroshot.log_probs import judge
from gptpath.zeroshot.prefixes import Row, owners
from gptpath.zeroshot.side_by_side import Piece

JUDGED_AT_ONCE = {"cpu": 256, "cuda": 8192}
"""States that go through the vocabulary together."""

Places = npt.NDArray[np.int64]


class States:
    """Takes states from any thread, hands out pieces of work that judge them, joins the answers."""

    def __init__(self, model: Predictor, rows: Sequence[Row], device: torch.device) -> None:
        self._model, self._rows, self._device = model, rows, device
        counts = [row.n_targets for row in rows]
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self._owner_T = owners(rows, self._starts)
        self._by_owner_T = np.argsort(self._owner_T, kind="stable")
        self._sorted_owner_T = self._owner_T[self._by_owner_T]
        self._tokens_T = np.concatenate([row.tokens[-row.n_targets :] for row in rows])
        self._log_probs_T = np.empty(len(self._tokens_T), dtype=np.float64)
        self._greedy_T = np.empty(len(self._tokens_T), dtype=np.bool_)
        self._barred = {
            int(start): row.barred for start, row in zip(self._starts, rows, strict=False)
        }
        self._lock = threading.Lock()
        self._waiting: list[tuple[torch.Tensor, Places]] = []

    def take(self, x_BTD: torch.Tensor, depth: int, numbers: Sequence[int]) -> list[Piece]:
        """Keep the states that numbered rows own; those of `x_BTD` begin at position `depth`."""
        sources: list[Places] = []
        places: list[Places] = []
        for number, row in enumerate(numbers):
            own = np.arange(self._starts[row], self._starts[row + 1])
            own = own[self._owner_T[own] == own]
            shift = self._rows[row].free - depth - self._starts[row] + number * x_BTD.shape[1]
            sources.append(own + shift)
            places.append(own)
        index_M = torch.from_numpy(np.concatenate(sources)).to(x_BTD.device)
        states_MD = x_BTD.flatten(0, 1)[index_M].float()
        with self._lock:
            self._waiting.append((states_MD, np.concatenate(places)))
            size = JUDGED_AT_ONCE[self._device.type]
            if sum(len(places) for _, places in self._waiting) < size:
                return []
            return self._cut(size, keep_rest=True)

    def rest(self, parts: int) -> list[Piece]:
        """Pieces for all that still waits, about `parts` of them."""
        count = sum(len(places) for _, places in self._waiting)
        return self._cut(max(16, -(-count // parts)), keep_rest=False) if count else []

    def likelihoods(self) -> list[Likelihood]:
        """What was found, row by row."""
        cuts = self._starts[1:-1]
        pieces = (
            np.split(array, cuts) for array in (self._tokens_T, self._log_probs_T, self._greedy_T)
        )
        return [
            Likelihood(tokens=tokens, log_probs=log_probs, greedy=greedy)
            for _, tokens, log_probs, greedy in zip(self._rows, *pieces, strict=True)
        ]

    def _cut(self, size: int, *, keep_rest: bool) -> list[Piece]:
        x_MD = torch.cat([states for states, _ in self._waiting])
        places_M = np.concatenate([places for _, places in self._waiting])
        end = len(places_M) - len(places_M) % size if keep_rest else len(places_M)
        self._waiting = [(x_MD[end:], places_M[end:])] if end < len(places_M) else []
        cuts = [slice(first, min(first + size, end)) for first in range(0, end, size)]
        return [partial(self._judge, x_MD[cut], places_M[cut]) for cut in cuts]

    def _judge(self, x_mD: torch.Tensor, places_m: Places) -> list[Piece]:
        first_m = np.searchsorted(self._sorted_owner_T, places_m)
        count_m = np.searchsorted(self._sorted_owner_T, places_m, side="right") - first_m
        state_T = np.repeat(np.arange(len(places_m)), count_m)
        within_T = np.arange(len(state_T)) - np.repeat(np.cumsum(count_m) - count_m, count_m)
        asked_T = self._by_owner_T[np.repeat(first_m, count_m) + within_T]
        barred: dict[tuple[int, ...], list[int]] = {}
        for state, place in enumerate(places_m.tolist()):
            if ids := self._barred.get(place):
                barred.setdefault(ids, []).append(state)
        judged = judge(self._model, x_mD, state_T, self._tokens_T[asked_T], barred)
        self._log_probs_T[asked_T] = judged.log_probs_T.double().cpu().numpy()
        self._greedy_T[asked_T] = judged.greedy_T.cpu().numpy()
        return []
