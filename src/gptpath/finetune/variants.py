"""The rows of GPT-1 Table 5 and the points of its Fig. 2 left: what a run starts from."""

import copy
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from gptpath.config.finetune import Finetune
from gptpath.model.build import LanguageModel, build_model


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """What a variant starts from, and whether it keeps the auxiliary loss."""

    base: Literal["pretrained", "lstm"] = "pretrained"
    """Which model of params.yaml's `finetune` section."""
    fresh: bool = False
    """Only its shape is taken, its parameters are drawn anew."""
    blocks: int | None = None
    """Only the embeddings and so many of the first blocks are taken; None takes all."""
    auxiliary: bool = True


VARIANT_TABLE: Mapping[str, Variant] = {
    "full": Variant(),
    "no-pretraining": Variant(fresh=True),
    "no-auxiliary-loss": Variant(auxiliary=False),
    "lstm": Variant(base="lstm"),
}


def transfer_names(settings: Finetune) -> tuple[str, ...]:
    """Names of the runs of the layer-transfer analysis: `transfer-0`, `transfer-1` ..."""
    return tuple(f"transfer-{blocks}" for blocks in settings.transfer_layers)


def find_variant(name: str) -> Variant:
    """The variant of a name: a row of the table, or `transfer-K`."""
    match = re.fullmatch(r"transfer-(\d+)", name)
    return Variant(blocks=int(match[1])) if match else VARIANT_TABLE[name]


def starting_model(base: LanguageModel, variant: Variant, *, seed: int) -> LanguageModel:
    """A model of its own to fine-tune; what `variant` does not take from `base`, `seed` draws."""
    if variant.fresh:
        return build_model(base.config, seed=seed)
    if variant.blocks is None:
        return copy.deepcopy(base)
    model = build_model(base.config, seed=seed)
    state = model.state_dict()
    taken = {name: value for name, value in base.state_dict().items() if _taken(name, variant)}
    if variant.blocks == base.config.n_layer:
        taken = base.state_dict()  # with GPT-2's norm after the last block
    with torch.no_grad():
        for name, value in taken.items():
            state[name].copy_(value)
    return model


def _taken(name: str, variant: Variant) -> bool:
    """Whether a parameter belongs to the embeddings or the first blocks (GPT-1 Fig. 2 left)."""
    assert variant.blocks is not None
    match = re.match(r"h\.(\d+)\.", name)
    return int(match[1]) < variant.blocks if match else name in ("wte.weight", "wpe.weight")


def middle(validation_scores: Sequence[float]) -> int:
    """Index of the run to keep: the (lower) median by validation, so that test picks nothing."""
    ranked = sorted(range(len(validation_scores)), key=lambda i: (validation_scores[i], i))
    return ranked[(len(ranked) - 1) // 2]


def spread_of(values: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest over the seeds."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
