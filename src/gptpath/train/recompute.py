"""Activation recomputation: memory for time, block by block."""

from functools import partial

from torch.utils.checkpoint import checkpoint

from gptpath.model.build import LanguageModel
from gptpath.model.transformer import Transformer


def recompute_blocks(model: LanguageModel) -> None:
    """Let every block keep its input alone and compute itself again in the backward pass.

    About a third more arithmetic; gradients are the same to the bit, dropout included. Works on a
    Transformer's blocks as they are, compiled ones too, and before DDP or FSDP2 wrap them. An LSTM
    stays as it is: its one layer holds all that there is to keep.
    """
    if not isinstance(model, Transformer):
        return
    for block in model.h:
        block.forward = partial(
            checkpoint,
            block.forward,
            use_reentrant=False,
            preserve_rng_state=model.config.dropout > 0,
        )
