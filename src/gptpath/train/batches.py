"""Training batches: the batch at step s is a pure function of (seed, s, data).

Nothing is remembered from step to step, so a resumed run reads what an uninterrupted one would
have read. Shapes in names: B sequences, T context_length.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gptpath.errors import TokenError
from gptpath.tokens.shards import TokenSplit


class Batches:
    """Windows of a token split, sampled without replacement epoch by epoch.

    An epoch is a random permutation of the non-overlapping windows, which start at a random
    offset, so that window borders differ from epoch to epoch.
    """

    def __init__(
        self, split: TokenSplit, *, context_length: int, batch_size: int, seed: int
    ) -> None:
        """Prepare batches of `batch_size` windows; TokenError if the split has none."""
        # Every offset below context_length must leave the same number of windows.
        self.windows_per_epoch = (len(split) - context_length) // context_length
        if self.windows_per_epoch < 1:
            raise TokenError(
                f"the training split has {len(split)} tokens, fewer than two contexts of "
                f"{context_length}; give `ingest` more text or shorten the context"
            )
        self._split, self._context_length = split, context_length
        self._batch_size, self._seed = batch_size, seed
        self._epoch = lru_cache(maxsize=2)(self._draw_epoch)

    def window_starts(self, step: int) -> list[int]:
        """First token of each window of the batch at `step` (0 is the first), in order."""
        first = step * self._batch_size
        starts: list[int] = []
        for sample in range(first, first + self._batch_size):
            epoch, place = divmod(sample, self.windows_per_epoch)
            offset, order = self._epoch(epoch)
            starts.append(offset + int(order[place]) * self._context_length)
        return starts

    def micro_batches(
        self, step: int, size: int, device: torch.device, rows: range | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets of the batch at `step`, `size` sequences at a time: two (size, T).

        `rows` are those of one rank; None means all.
        """
        for tokens in self.windows(step, size, rows):
            yield inputs_and_targets(tokens, device)

    def windows(self, step: int, size: int, rows: range | None = None) -> Iterator[Tensor]:
        """As `micro_batches`, each still one tensor in host memory: (size, T + 1) int64."""
        starts = self.window_starts(step)
        if rows is not None:
            starts = starts[rows.start : rows.stop]
        for first in range(0, len(starts), size):
            yield _read(self._split, starts[first : first + size], self._context_length)

    def _draw_epoch(self, epoch: int) -> tuple[int, npt.NDArray[np.int64]]:
        generator = np.random.default_rng((self._seed, epoch))
        offset = int(generator.integers(self._context_length))
        return offset, generator.permutation(self.windows_per_epoch)


def read_windows(
    split: TokenSplit, starts: list[int], length: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Inputs and targets of windows of `length` tokens, each target one token on: two (B, T)."""
    return inputs_and_targets(_read(split, starts, length), device)


def inputs_and_targets(tokens: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Windows in host memory, (B, T + 1), as inputs and targets on `device`: two (B, T).

    A GPU copies from pinned memory, and nobody waits for it.
    """
    if device.type == "cuda":
        tokens = tokens.pin_memory().to(device, non_blocking=True)
    return tokens[:, :-1], tokens[:, 1:]


def _read(split: TokenSplit, starts: list[int], length: int) -> Tensor:
    windows = np.stack([split.read(start, start + length + 1) for start in starts])
    return torch.from_numpy(windows.astype(np.int64))
