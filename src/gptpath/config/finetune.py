"""The section `finetune` of params.yaml: GPT-1's supervised half."""

from dataclasses import dataclass
from typing import Literal

from gptpath.config.sections import FORBID_UNKNOWN, require, require_least

VARIANTS = ("full", "no-pretraining", "no-auxiliary-loss", "lstm")
"""Fine-tuning variants: the rows of GPT-1 Table 5."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finetune:
    """GPT-1's supervised fine-tuning (GPT-1 sec. 3.2, 4.1; released code for the rest)."""

    pretrained: str
    """Key of `models`: the Transformer to fine-tune."""
    lstm: str
    """Key of `models`: the LSTM of the `lstm` variant."""
    variants: tuple[str, ...] = VARIANTS
    transfer_layers: tuple[int, ...] = ()
    """Numbers k of blocks: for each, the embeddings and the first k blocks of `pretrained` are
    taken and the others drawn anew (GPT-1 Fig. 2 left). Their models are measured, not kept."""
    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: int = 3
    batch_size: int = 32
    bucket_batches: int = 1
    """Batches whose examples are sorted by length together: with more than 1, attention pads less,
    but only texts of like length meet in a batch."""
    learning_rate: float = 6.25e-5
    warmup_fraction: float = 0.002
    schedule: Literal["released", "paper"] = "released"
    """Shape of warm-up and decay (gptpath.finetune.schedule)."""
    auxiliary_weight: float = 0.5
    """Lambda of GPT-1 eq. 5."""
    classifier_dropout: float = 0.1
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    max_train_examples: int | None = None
    max_test_examples: int | None = None
    bootstrap_samples: int = 1000
    """Resamplings of the test items behind each 95 % interval."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        unknown = set(self.variants) - set(VARIANTS)
        require(not unknown, f"unknown finetune.variants {sorted(unknown)}; known: {VARIANTS}")
        require(bool(self.seeds), "finetune.seeds must name at least one seed")
        for name in ("seeds", "variants"):
            values = getattr(self, name)
            require(len(set(values)) == len(values), f"finetune.{name} names one twice: {values}")
        require(
            all(layers >= 0 for layers in self.transfer_layers)
            and len(set(self.transfer_layers)) == len(self.transfer_layers),
            f"finetune.transfer_layers={list(self.transfer_layers)} must be different whole "
            "numbers from 0 on",
        )
        require(
            0 <= self.warmup_fraction < 1,
            f"finetune.warmup_fraction={self.warmup_fraction} must be at least 0 and less than 1",
        )
        counts = ("epochs", "batch_size", "bucket_batches", "bootstrap_samples")
        require_least("finetune", self, **dict.fromkeys(counts, 1))
        require_least("finetune", self, max_train_examples=1, max_test_examples=1)
