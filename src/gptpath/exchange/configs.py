"""Shapes of models as transformers' config.json and as our ModelConfig."""

from collections.abc import Mapping
from typing import Any

from gptpath.config.model import ModelConfig
from gptpath.errors import CheckpointError, ConfigError

ARCHITECTURES = {"gpt2": "GPT2LMHeadModel", "openai-gpt": "OpenAIGPTLMHeadModel"}
NORMS = {"gpt2": "pre", "openai-gpt": "post"}
"""Placement of the layer norms by transformers' `model_type`."""
OURS = "gptpath"
"""Key of an exported config.json for what transformers' fields cannot say."""

_DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
_ONLY = {
    "gpt2": {
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
        "tie_word_embeddings": True,
    },
    "openai-gpt": {"afn": "gelu", "tie_word_embeddings": True},
}
"""What both papers' models are; `gelu` of openai-gpt is the tanh form, too."""


def to_transformers(
    config: ModelConfig, *, end_of_text: int, bos: bool, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """Return config.json of a Transformer; `bos`: whether end of text also starts documents."""
    model_type = "gpt2" if config.norm == "pre" else "openai-gpt"
    return {
        "architectures": [ARCHITECTURES[model_type]],
        "model_type": model_type,
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_embd": config.n_embd,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "layer_norm_epsilon": config.layer_norm_eps,
        "initializer_range": config.init_std,
        **dict.fromkeys(_DROPOUTS, config.dropout),
        **_ONLY[model_type],
        "bos_token_id": end_of_text if bos else None,
        "eos_token_id": end_of_text,
        "pad_token_id": end_of_text if bos else None,
        "dtype": "float32",
        OURS: {
            "position_init_std": config.position_init_std,
            "scale_residual_init": config.scale_residual_init,
            **extra,
        },
    }


def from_transformers(values: Mapping[str, Any], *, where: str) -> ModelConfig:
    """Read a config.json of GPT-2 or OpenAI-GPT.

    Raises:
        CheckpointError: it is another model's, or asks for what the papers' models do not have.
    """
    model_type = values.get("model_type")
    if model_type not in ARCHITECTURES:
        raise CheckpointError(
            f"{where} is of model_type {model_type!r}; expected {' or '.join(ARCHITECTURES)}"
        )
    for name, wanted in _ONLY[model_type].items():
        if values.get(name, wanted) != wanted:
            raise CheckpointError(
                f"{where}: {name}={values[name]!r}, but {model_type} as published has {wanted!r}; "
                "such a model cannot be imported"
            )
    if values.get("n_inner") not in (None, 4 * values.get("n_embd", 0)):
        raise CheckpointError(f"{where}: n_inner={values['n_inner']} must be 4 x n_embd, or null")
    dropouts = {name: values.get(name, 0.1) for name in _DROPOUTS}
    if len(set(dropouts.values())) > 1:
        raise CheckpointError(f"{where}: {dropouts} differ; set them alike, as in the papers")
    ours = values.get(OURS) or {}
    pre = model_type == "gpt2"
    try:
        return ModelConfig(
            norm="pre" if pre else "post",
            n_layer=values["n_layer"],
            n_head=values["n_head"],
            n_embd=values["n_embd"],
            context_length=values.get("n_positions", values.get("n_ctx")),
            vocab_size=values["vocab_size"],
            dropout=dropouts["resid_pdrop"],
            layer_norm_eps=values.get("layer_norm_epsilon", 1e-5),
            init_std=values.get("initializer_range", 0.02),
            position_init_std=ours.get("position_init_std", 0.01 if pre else 0.02),
            scale_residual_init=ours.get("scale_residual_init", pre),
        )
    except (KeyError, TypeError, ConfigError) as error:
        raise CheckpointError(f"{where} does not describe a model: {error!r}") from None
