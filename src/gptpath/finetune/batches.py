"""Examples -> padded batches, bucketed by length, the same for the same seed and epoch.

Shape legend: B examples, S sequences of the example that has most, R sequences of a batch,
T positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gptpath.finetune.transformations import Example


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Right-padded sequences; causality keeps the padding from being seen."""

    tokens_RT: torch.Tensor
    """int64 ids, special tokens beyond the vocabulary, padding 0."""
    lengths_R: torch.Tensor
    """int64 tokens of each sequence; its last one is the extract token."""
    labels_B: torch.Tensor
    """Label of each example: int64, or float32 places among the anchors of a regression."""
    present_BS: torch.Tensor | None = None
    """Bool: which of S answers each example has; None where all have R / B of them."""

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(
            tokens_RT=self.tokens_RT.to(device, non_blocking=True),
            lengths_R=self.lengths_R.to(device, non_blocking=True),
            labels_B=self.labels_B.to(device, non_blocking=True),
            present_BS=None if self.present_BS is None else self.present_BS.to(device),
        )


def collate(examples: Sequence[Example]) -> Batch:
    """Pad to the longest sequence of these examples."""
    sequences = [sequence for example in examples for sequence in example.sequences]
    lengths = [len(sequence) for sequence in sequences]
    tokens = np.zeros((len(sequences), max(lengths)), dtype=np.int64)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = sequence
    return Batch(
        tokens_RT=torch.from_numpy(tokens),
        lengths_R=torch.tensor(lengths),
        labels_B=torch.tensor([example.label for example in examples]),
        present_BS=_present([len(example.sequences) for example in examples]),
    )


def _present(counts: Sequence[int]) -> torch.Tensor:
    """Bool B S: the first `counts[b]` of the S answers of example b."""
    return torch.arange(max(counts)) < torch.tensor(counts)[:, None]


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
