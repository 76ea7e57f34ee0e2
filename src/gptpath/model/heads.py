"""GPT-1's task heads on a language model (GPT-1 sec. 3.2, 3.3; finetune-transformer-lm, train.py).

Only a linear layer and the embeddings of three special tokens are new. The special tokens are
inputs alone: they have ids from `vocab_size` on, but no row in the tied softmax.

Shape legend: B examples, S sequences of the example that has most, N tokens of all sequences end to
end, M of them that are text to predict, D n_embd, V vocabulary, L labels.

Regression is a similarity whose labels are L anchors spaced evenly over the range of the scores;
STS-B's 0 to 5 has six (finetune-transformer-lm, utils.py; after the Tree-LSTM's treatment of SICK).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from gptpath.model.build import LanguageModel
from gptpath.model.loss import linear_cross_entropy
from gptpath.model.packing import Packing

TaskKind = Literal["classification", "entailment", "similarity", "multiple-choice", "regression"]
"""Kinds of task that GPT-1 has a head for."""

START, DELIMITER, EXTRACT = range(3)
"""The special tokens; the id of each is its number here plus the vocabulary's size."""

HEAD_INIT_STD = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class TextTargets:
    """What the language-model loss of a batch predicts: its text without special tokens.

    Found where the batch is put together: on a GPU, finding it would wait for the device.
    """

    places_M: torch.Tensor
    """int64: the place before each predicted token among the N."""
    targets_M: torch.Tensor
    """int64 ids."""
    weights_M: torch.Tensor
    """float32: a mean over each sequence's tokens, then over the sequences."""

    @classmethod
    def of(cls, tokens_N: torch.Tensor, packing: Packing, vocab_size: int) -> "TextTargets":
        """The text of packed sequences."""
        first_N = packing.positions_N == 0  # nothing comes before it
        sequence_N = first_N.cumsum(0) - 1
        places_M = ((tokens_N < vocab_size) & ~first_N).nonzero().squeeze(1)
        sequence_M = sequence_N[places_M]
        n_sequences = int(sequence_N[-1]) + 1
        counts = torch.bincount(sequence_M, minlength=n_sequences)
        return cls(
            places_M=places_M - 1,
            targets_M=tokens_N[places_M],
            weights_M=1.0 / (counts * n_sequences)[sequence_M],
        )

    def to(self, device: torch.device) -> "TextTargets":
        """The same on another device."""
        return TextTargets(
            places_M=self.places_M.to(device, non_blocking=True),
            targets_M=self.targets_M.to(device, non_blocking=True),
            weights_M=self.weights_M.to(device, non_blocking=True),
        )


class TaskModel(nn.Module):
    """A language model with a linear head that reads the last state at the extract token.

    Similarity and regression add the extract states of both orders; multiple choice gives every
    answer one score and compares the answers, any number of them; the other kinds have one
    sequence per example.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        *,
        kind: TaskKind,
        n_labels: int,
        dropout: float,
        seed: int,
    ) -> None:
        """Wrap `language_model` itself, not a copy; `seed` draws the new parameters alone.

        `n_labels` is the usual number of answers per example where `kind` is multiple choice.
        """
        super().__init__()
        self.language_model = language_model
        self.kind: TaskKind = kind
        self.n_labels = n_labels
        self.dropout = dropout
        width = language_model.config.n_embd
        with torch.device("meta"):  # their default initialisation would use the global generator
            self.special = nn.Embedding(3, width)
            self.head = nn.Linear(width, 1 if kind == "multiple-choice" else n_labels)
        self.special.to_empty(device="cpu")
        self.head.to_empty(device="cpu")
        generator = torch.Generator().manual_seed(seed)
        nn.init.normal_(self.special.weight, std=HEAD_INIT_STD, generator=generator)
        nn.init.normal_(self.head.weight, std=HEAD_INIT_STD, generator=generator)
        nn.init.zeros_(self.head.bias)

    def hidden(self, tokens_N: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Last hidden states, N D, of packed ids that may be special."""
        ids_N = tokens_N - self.language_model.config.vocab_size
        special_N = ids_N >= 0
        x_ND = torch.where(
            special_N[:, None],
            self.special(ids_N.clamp(min=0)),
            self.language_model.embeddings(tokens_N.masked_fill(special_N, 0)),
        )
        return self.language_model.hidden_from_packed(x_ND, packing)

    def scores(self, hidden_ND: torch.Tensor, extracts_BS: torch.Tensor) -> torch.Tensor:
        """Unnormalised log-probabilities of the labels, B L, read at the extract tokens.

        `extracts_BS` are their places among the N; below 0 where an example has fewer answers than
        S. An answer that is not there scores minus infinity.
        """
        places = extracts_BS.clamp(min=0).flatten()
        state_BSD = hidden_ND.index_select(0, places).unflatten(0, extracts_BS.shape)
        if self.kind != "multiple-choice":
            return self.head(self._drop(state_BSD.sum(1, keepdim=True))).squeeze(1)
        scores_BS = self.head(self._drop(state_BSD)).squeeze(-1)
        return scores_BS.masked_fill(extracts_BS < 0, -torch.inf)

    def forward(
        self, tokens_N: torch.Tensor, packing: Packing, extracts_BS: torch.Tensor
    ) -> torch.Tensor:
        """Scores B L of packed sequences."""
        return self.scores(self.hidden(tokens_N, packing), extracts_BS)

    def task_loss(self, scores_BL: torch.Tensor, labels_B: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of the labels, nats.

        A regression's labels are places among the anchors, 0 to L - 1. Each is spread over its two
        neighbouring anchors by linear interpolation, so that the target's mean is the label.
        """
        if self.kind != "regression":
            return F.cross_entropy(scores_BL, labels_B)
        return F.cross_entropy(scores_BL, spread(labels_B, self.n_labels).to(scores_BL.dtype))

    def language_model_loss(self, hidden_ND: torch.Tensor, text: TextTargets) -> torch.Tensor:
        """Next-token loss on the task's own text, nats (the second term of GPT-1 eq. 5).

        The mean over the predicted tokens of each sequence, then over sequences, as in the
        released code. The tied softmax knows no special tokens.
        """
        return linear_cross_entropy(
            hidden_ND.index_select(0, text.places_M),
            self.language_model.wte.weight,
            text.targets_M,
            text.weights_M,
        )

    def _drop(self, state_BSD: torch.Tensor) -> torch.Tensor:
        """Dropout with one mask for all sequences of an example, as in the released code."""
        mask_B1D = F.dropout(torch.ones_like(state_BSD[:, :1]), self.dropout, self.training)
        return state_BSD * mask_B1D


def spread(places_B: torch.Tensor, n_labels: int) -> torch.Tensor:
    """Distribution B L over anchors 0 .. L - 1 whose mean is the place: 3.25 is 3/4 3, 1/4 4."""
    anchors_L = torch.arange(n_labels, device=places_B.device)
    return (1 - (places_B[:, None] - anchors_L).abs()).clamp(min=0)
