"""AdamW as GPT-1 used it: decoupled weight decay, not on biases or gains."""

import torch
from torch import nn

from gptpath.config.params import Recipe


def build_optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """Return AdamW over all parameters of `model`.

    Weight decay acts on tensors of more than one dimension alone, embeddings included (GPT-1
    sec. 4.1; finetune-transformer-lm, opt.py). The learning rate is set anew at every step.
    """
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups,
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.adam_eps,
        fused=True,
    )
