"""Weights to and from the layouts of `transformers`, without importing it.

GPT-2 (`GPT2LMHeadModel`): our names behind `transformer.`, matrices transposed (its Conv1D keeps
(in, out)). GPT-1 (`OpenAIGPTLMHeadModel`): the same with `tokens_embed` and `positions_embed`.
Both repeat the token table as `lm_head.weight`, and files without prefix and head exist as well.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from gptpath.errors import CheckpointError

_TRANSPOSED = re.compile(r"h\.\d+\.(attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)\.weight")
_MASKS = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")
"""Causal masks that old checkpoints carry along; they are no parameters."""
_OPENAI_NAMES = {
    "wte.weight": "tokens_embed.weight",
    "wpe.weight": "positions_embed.weight",
}


def from_gpt2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our parameters from those of transformers' GPT-2, with or without its language-model head."""
    return _from_transformers(state, {})


def to_gpt2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameters of transformers' GPT2LMHeadModel from those of a `norm="pre"` Transformer."""
    return _to_transformers(state, {})


def from_openai_gpt(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our parameters from those of transformers' OpenAI-GPT, with or without its head."""
    return _from_transformers(state, {theirs: ours for ours, theirs in _OPENAI_NAMES.items()})


def to_openai_gpt(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameters of OpenAIGPTLMHeadModel from those of a `norm="post"` Transformer."""
    return _to_transformers(state, _OPENAI_NAMES)


def _from_transformers(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    _check_tie(state, names)
    ours: dict[str, Tensor] = {}
    for full_name, tensor in state.items():
        name = full_name.removeprefix("transformer.")
        if name in ("lm_head.weight", "position_ids") or _MASKS.fullmatch(name):
            continue
        name = names.get(name, name)
        ours[name] = tensor.t().contiguous() if _TRANSPOSED.fullmatch(name) else tensor.clone()
    head = state.get("lm_head.weight")
    if "wte.weight" not in ours and head is not None:
        ours["wte.weight"] = head.clone()  # of two names of one tensor a file may keep either
    if "wte.weight" not in ours:
        raise CheckpointError(
            f"no token table among the {len(state)} tensors given (for example "
            f"{sorted(state)[:3]}); expected the state of a transformers GPT-2 or OpenAI-GPT model"
        )
    return ours


def _check_tie(state: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
    """Refuse a head of its own: ours is the token table."""
    tables = ["wte.weight", *(theirs for theirs, ours in names.items() if ours == "wte.weight")]
    head = state.get("lm_head.weight")
    table = next((t for n, t in state.items() if n.removeprefix("transformer.") in tables), None)
    if head is not None and table is not None and not torch.equal(head, table):
        raise CheckpointError(
            f"lm_head.weight {tuple(head.shape)} is not the token table {tuple(table.shape)}; "
            "GPT-1 and GPT-2 share the two (GPT-1 eq. 2), so such a model cannot be imported"
        )


def _to_transformers(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    theirs = {
        f"transformer.{names.get(name, name)}": (
            tensor.t().contiguous() if _TRANSPOSED.fullmatch(name) else tensor.clone()
        )
        for name, tensor in state.items()
    }
    table = names.get("wte.weight", "wte.weight")
    return theirs | {"lm_head.weight": theirs[f"transformer.{table}"]}  # tied: one tensor
