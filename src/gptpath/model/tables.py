"""Embedding tables as both model families make them."""

import torch
from torch import nn


def empty_table(rows: int, width: int) -> nn.Embedding:
    """A table whose values are still to be drawn (`gptpath.model.build`), or loaded.

    `nn.Embedding(rows, width)` draws its own at once, and for shapes without storage that alone
    imports torch's compiler: a second of every process.
    """
    return nn.Embedding.from_pretrained(torch.empty(rows, width), freeze=False)
