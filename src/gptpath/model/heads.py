"""GPT-1's task heads on a language model (GPT-1 sec. 3.2, 3.3; finetune-transformer-lm, train.py).

Only a linear layer and the embeddings of three special tokens are new. The special tokens are
inputs alone: they have ids from `vocab_size` on, but no row in the tied softmax.

Shape legend: B examples, S sequences per example, R = B x S sequences, T positions, D n_embd,
V vocabulary, L labels.
"""

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from gptpath.model.build import LanguageModel
from gptpath.model.loss import linear_cross_entropy

TaskKind = Literal["classification", "entailment", "similarity", "multiple-choice"]
"""Kinds of task that GPT-1 has a head for."""

START, DELIMITER, EXTRACT = range(3)
"""The special tokens; the id of each is its number here plus the vocabulary's size."""

HEAD_INIT_STD = 0.02


class TaskModel(nn.Module):
    """A language model with a linear head that reads the last state at the extract token.

    Similarity adds the extract states of both orders; multiple choice gives every answer one
    score and compares the answers; the other kinds have one sequence per example.
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

        `n_labels` is the number of answers per example where `kind` is multiple choice.
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
        """S of the legend."""
        return {"similarity": 2, "multiple-choice": self.n_labels}.get(self.kind, 1)

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

    def scores(self, hidden_RTD: torch.Tensor, lengths_R: torch.Tensor) -> torch.Tensor:
        """Unnormalised log-probabilities of the labels, B L, read at each sequence's last token."""
        rows = torch.arange(len(lengths_R), device=lengths_R.device)
        state_BSD = hidden_RTD[rows, lengths_R - 1].unflatten(0, (-1, self.sequences_per_example))
        if self.kind == "multiple-choice":
            return self.head(self._drop(state_BSD)).squeeze(-1)
        return self.head(self._drop(state_BSD.sum(1, keepdim=True))).squeeze(1)

    def forward(self, tokens_RT: torch.Tensor, lengths_R: torch.Tensor) -> torch.Tensor:
        """Scores B L of R = B x S sequences, each ending with the extract token."""
        return self.scores(self.hidden(tokens_RT), lengths_R)

    def language_model_loss(
        self, hidden_RTD: torch.Tensor, tokens_RT: torch.Tensor, lengths_R: torch.Tensor
    ) -> torch.Tensor:
        """Next-token loss on the task's own text, nats (the second term of GPT-1 eq. 5).

        The mean over the predicted tokens of each sequence, then over sequences, as in the
        released code. Predicted are the text's tokens, not padding and not special tokens, which
        the tied softmax does not know.
        """
        steps_T = torch.arange(1, tokens_RT.shape[1], device=tokens_RT.device)
        targets_RT = tokens_RT[:, 1:]
        real_RT = (steps_T < lengths_R[:, None]) & (
            targets_RT < self.language_model.config.vocab_size
        )
        weights_R = 1.0 / (real_RT.sum(1) * len(lengths_R))
        return linear_cross_entropy(
            hidden_RTD[:, :-1][real_RT],
            self.language_model.wte.weight,
            targets_RT[real_RT],
            weights_R[:, None].expand_as(real_RT)[real_RT],
        )

    def _drop(self, state_BSD: torch.Tensor) -> torch.Tensor:
        """Dropout with one mask for all sequences of an example, as in the released code."""
        mask_B1D = F.dropout(torch.ones_like(state_BSD[:, :1]), self.dropout, self.training)
        return state_BSD * mask_B1D
