"""Examples -> padded batches, bucketed by length, the same for the same seed and epoch.

Shape legend: B examples, S sequences of the example that has most, R sequences of a batch,
T positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gptpath.finetune.transformations import Example
from gptpath.model.heads import TextTargets


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
    text: TextTargets | None = None
    """What the auxiliary loss predicts; None where there is no such loss."""

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(
            tokens_RT=self.tokens_RT.to(device, non_blocking=True),
            lengths_R=self.lengths_R.to(device, non_blocking=True),
            labels_B=self.labels_B.to(device, non_blocking=True),
            present_BS=None if self.present_BS is None else self.present_BS.to(device),
            text=None if self.text is None else self.text.to(device),
        )


def collate(examples: Sequence[Example], *, text_below: int | None = None) -> Batch:
    """Pad to the longest sequence of these examples.

    Ids below `text_below`, the model's vocabulary, are text for the auxiliary loss; None leaves it
    out.
    """
    sequences = [sequence for example in examples for sequence in example.sequences]
    lengths = [len(sequence) for sequence in sequences]
    tokens = np.zeros((len(sequences), max(lengths)), dtype=np.int64)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = sequence
    tokens_RT, lengths_R = torch.from_numpy(tokens), torch.tensor(lengths)
    return Batch(
        tokens_RT=tokens_RT,
        lengths_R=lengths_R,
        labels_B=torch.tensor([example.label for example in examples]),
        present_BS=_present([len(example.sequences) for example in examples]),
        text=None if text_below is None else TextTargets.of(tokens_RT, lengths_R, text_below),
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
