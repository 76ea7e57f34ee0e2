"""GPT-1's task heads on a language model (GPT-1 sec. 3.2, 3.3; finetune-transformer-lm, train.py).

Only a linear layer and the embeddings of three special tokens are new. The special tokens are
inputs alone: they have ids from `vocab_size` on, but no row in the tied softmax.

Shape legend: B examples, S sequences per example, R = B x S sequences, T positions, D n_embd,
V vocabulary, L labels, N tokens of text to predict.

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

TaskKind = Literal["classification", "entailment", "similarity", "multiple-choice", "regression"]
"""Kinds of task that GPT-1 has a head for."""

START, DELIMITER, EXTRACT = range(3)
"""The special tokens; the id of each is its number here plus the vocabulary's size."""

HEAD_INIT_STD = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class TextTargets:
    """What the language-model loss of a batch predicts: its text, no padding, no special tokens.

    Found where the batch is put together: on a GPU, finding it would wait for the device.
    """

    places_N: torch.Tensor
    """int64: the position before each predicted token, counted through R x T."""
    targets_N: torch.Tensor
    """int64 ids."""
    weights_N: torch.Tensor
    """float32: a mean over each sequence's tokens, then over the sequences."""

    @classmethod
    def of(cls, tokens_RT: torch.Tensor, lengths_R: torch.Tensor, vocab_size: int) -> "TextTargets":
        """The text of right-padded sequences."""
        steps_T = torch.arange(tokens_RT.shape[1], device=tokens_RT.device)
        real_RT = (steps_T < lengths_R[:, None]) & (tokens_RT < vocab_size)
        real_RT[:, 0] = False  # nothing comes before it
        weights_R = 1.0 / (real_RT.sum(1) * len(lengths_R))
        return cls(
            places_N=real_RT.flatten().nonzero().squeeze(1) - 1,
            targets_N=tokens_RT[real_RT],
            weights_N=weights_R[:, None].expand_as(real_RT)[real_RT],
        )

    def to(self, device: torch.device) -> "TextTargets":
        """The same on another device."""
        return TextTargets(
            places_N=self.places_N.to(device, non_blocking=True),
            targets_N=self.targets_N.to(device, non_blocking=True),
            weights_N=self.weights_N.to(device, non_blocking=True),
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

    @property
    def sequences_per_example(self) -> int:
        """S of the legend, where all examples of a batch have equally many."""
        both = {"similarity": 2, "regression": 2, "multiple-choice": self.n_labels}
        return both.get(self.kind, 1)

    def hidden(self, tokens_RT: torch.Tensor) -> torch.Tensor:
        """Last hidden states, R T D, of right-padded ids that may be special."""
        ids_RT = tokens_RT - self.language_model.config.vocab_size
        special_RT = ids_RT >= 0
        x_RTD = torch.where(
            special_RT[..., None],
            self.special(ids_RT.clamp(min=0)),
            self.language_model.embeddings(tokens_RT.masked_fill(special_RT, 0)),
        )
        return self.language_model.hidden_from_embeddings(x_RTD)

    def scores(
        self,
        hidden_RTD: torch.Tensor,
        lengths_R: torch.Tensor,
        present_BS: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Unnormalised log-probabilities of the labels, B L, read at each sequence's last token.

        `present_BS` says which of the S answers each example has, R of them in all; None that all
        have `sequences_per_example`. An answer that is not there scores minus infinity.
        """
        rows = torch.arange(len(lengths_R), device=lengths_R.device)
        state_RD = hidden_RTD[rows, lengths_R - 1]
        if present_BS is None or present_BS.numel() == len(lengths_R):
            n = self.sequences_per_example if present_BS is None else present_BS.shape[1]
            state_BSD = state_RD.unflatten(0, (-1, n))
        else:
            state_BSD = state_RD.new_zeros(*present_BS.shape, state_RD.shape[1])
            state_BSD[present_BS] = state_RD
        if self.kind != "multiple-choice":
            return self.head(self._drop(state_BSD.sum(1, keepdim=True))).squeeze(1)
        scores_BS = self.head(self._drop(state_BSD)).squeeze(-1)
        return scores_BS if present_BS is None else scores_BS.masked_fill(~present_BS, -torch.inf)

    def forward(
        self,
        tokens_RT: torch.Tensor,
        lengths_R: torch.Tensor,
        present_BS: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Scores B L of R sequences, each ending with the extract token."""
        return self.scores(self.hidden(tokens_RT), lengths_R, present_BS)

    def task_loss(self, scores_BL: torch.Tensor, labels_B: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of the labels, nats.

        A regression's labels are places among the anchors, 0 to L - 1. Each is spread over its two
        neighbouring anchors by linear interpolation, so that the target's mean is the label.
        """
        if self.kind != "regression":
            return F.cross_entropy(scores_BL, labels_B)
        return F.cross_entropy(scores_BL, spread(labels_B, self.n_labels).to(scores_BL.dtype))

    def language_model_loss(self, hidden_RTD: torch.Tensor, text: TextTargets) -> torch.Tensor:
        """Next-token loss on the task's own text, nats (the second term of GPT-1 eq. 5).

        The mean over the predicted tokens of each sequence, then over sequences, as in the
        released code. The tied softmax knows no special tokens.
        """
        return linear_cross_entropy(
            hidden_RTD.flatten(0, 1).index_select(0, text.places_N),
            self.language_model.wte.weight,
            text.targets_N,
            text.weights_N,
        )

    def _drop(self, state_BSD: torch.Tensor) -> torch.Tensor:
        """Dropout with one mask for all sequences of an example, as in the released code."""
        mask_B1D = F.dropout(torch.ones_like(state_BSD[:, :1]), self.dropout, self.training)
        return state_BSD * mask_B1D


def spread(places_B: torch.Tensor, n_labels: int) -> torch.Tensor:
    """Distribution B L over anchors 0 .. L - 1 whose mean is the place: 3.25 is 3/4 3, 1/4 4."""
    anchors_L = torch.arange(n_labels, device=places_B.device)
    return (1 - (places_B[:, None] - anchors_L).abs()).clamp(min=0)
