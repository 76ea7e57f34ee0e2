"""Examples -> batches, the same for the same seed and epoch.

Shape legend: B examples, S sequences of the example that has most, N tokens of all sequences of a
batch, which stand end to end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch

from gptpath.finetune.transformations import Example
from gptpath.model.heads import TextTargets
from gptpath.model.packing import Packing


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Examples as a model reads them: one sequence after another, the longest first."""

    tokens_N: torch.Tensor
    """int64 ids, special tokens beyond the vocabulary."""
    packing: Packing
    extracts_BS: torch.Tensor
    """int64: the place of each sequence's extract token, its last one; -1 where an example has
    fewer than S sequences."""
    labels_B: torch.Tensor
    """Label of each example: int64, or float32 places among the anchors of a regression."""
    text: TextTargets | None = None
    """What the auxiliary loss predicts; None where there is no such loss."""

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(
            tokens_N=self.tokens_N.to(device, non_blocking=True),
            packing=self.packing.to(device),
            extracts_BS=self.extracts_BS.to(device, non_blocking=True),
            labels_B=self.labels_B.to(device, non_blocking=True),
            text=None if self.text is None else self.text.to(device),
        )


def collate(
    examples: Sequence[Example], *, text_below: int | None = None, one_grid: bool = False
) -> Batch:
    """Put the sequences of these examples end to end.

    Ids below `text_below`, the model's vocabulary, are text for the auxiliary loss; None leaves it
    out. `one_grid`: see `Packing.of`.
    """
    counts = [len(example.sequences) for example in examples]
    present_BS = torch.arange(max(counts)) < torch.tensor(counts)[:, None]
    sequences = [sequence for example in examples for sequence in example.sequences]
    longest_first = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
    in_order = [sequences[i] for i in longest_first]
    lengths = [len(sequence) for sequence in in_order]
    tokens_N = torch.from_numpy(np.fromiter(chain.from_iterable(in_order), np.int64, sum(lengths)))
    packing = Packing.of(lengths, one_grid=one_grid)
    last = torch.empty(len(sequences), dtype=torch.int64)
    last[longest_first] = torch.tensor(lengths).cumsum(0) - 1
    return Batch(
        tokens_N=tokens_N,
        packing=packing,
        extracts_BS=torch.full(present_BS.shape, -1).masked_scatter_(present_BS, last),
        labels_B=torch.tensor([example.label for example in examples]),
        text=None if text_below is None else TextTargets.of(tokens_N, packing, text_below),
    )


def epoch_order(
    lengths: Sequence[int], batch_size: int, *, bucket_batches: int, seed: int, epoch: int
) -> list[list[int]]:
    """Indices of each batch of one epoch: a function of the arguments alone.

    A shuffle is cut into buckets of `bucket_batches` batches, each sorted by length and cut into
    batches, whose order is shuffled again. Every example occurs once; one batch of the
    epoch may be short.
    """
    random = np.random.default_rng((seed, epoch))
    shuffled = random.permutation(len(lengths))
    batches: list[list[int]] = []
    size = batch_size * bucket_batches
    for start in range(0, len(shuffled), size):
        bucket = sorted(shuffled[start : start + size].tolist(), key=lambda i: (lengths[i], i))
        batches += [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def by_length(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Indices in batches of like length, for evaluation."""
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
