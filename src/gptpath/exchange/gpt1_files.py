"""OpenAI's own files of GPT-1: model/ of openai/finetune-transformer-lm.

`params_shapes.json` lists the shapes of all tensors in the order of train.py's variables;
`params_0.npy` to `params_9.npy` are one flat array in ten pieces. First come the positions, then
the token table, then twelve tensors a block. Matrices are convolutions of width 1: (1, in, out).
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gptpath.config.model import ModelConfig
from gptpath.errors import CheckpointError

SHAPES_FILE = "params_shapes.json"
HEAD_DIM = 64
"""The files do not name the heads; train.py has 12 at a width of 768."""


def gpt1_folder(folder: Path) -> Path | None:
    """Return where OpenAI's files lie: `folder` itself or its model/; None if they do not."""
    found = [place for place in (folder, folder / "model") if (place / SHAPES_FILE).is_file()]
    return found[0] if found else None


def read_gpt1_files(folder: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """Return the shape and the parameters, by our names.

    Raises CheckpointError if shapes, pieces and the architecture do not fit each other.
    """
    shapes = _read_shapes(folder / SHAPES_FILE)
    config = _config(shapes, folder / SHAPES_FILE)
    names = _names(config)
    flat = _read_pieces(folder, sum(int(np.prod(shape)) for shape in shapes))
    state: dict[str, Tensor] = {}
    start = 0
    for name, shape in zip(names, shapes, strict=True):
        end = start + int(np.prod(shape))
        tensor = torch.from_numpy(flat[start:end].reshape(shape))
        state[name] = tensor[0].t().contiguous() if tensor.dim() == 3 else tensor.clone()
        start = end
    return config, state


def _block(width: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a block's tensors in the order in which train.py makes them."""
    return {
        "attn.c_attn.weight": (1, width, 3 * width),
        "attn.c_attn.bias": (3 * width,),
        "attn.c_proj.weight": (1, width, width),
        "attn.c_proj.bias": (width,),
        "ln_1.weight": (width,),
        "ln_1.bias": (width,),
        "mlp.c_fc.weight": (1, width, 4 * width),
        "mlp.c_fc.bias": (4 * width,),
        "mlp.c_proj.weight": (1, 4 * width, width),
        "mlp.c_proj.bias": (width,),
        "ln_2.weight": (width,),
        "ln_2.bias": (width,),
    }


def _names(config: ModelConfig) -> list[str]:
    blocks = [
        f"h.{layer}.{name}" for layer in range(config.n_layer) for name in _block(config.n_embd)
    ]
    return ["wpe.weight", "wte.weight", *blocks]


def _config(shapes: list[tuple[int, ...]], path: Path) -> ModelConfig:
    tables = shapes[:2]
    if len(shapes) < 14 or any(len(shape) != 2 for shape in tables) or len(shapes) % 12 != 2:
        raise CheckpointError(
            f"{path} lists {len(shapes)} shapes, the first {tables}; expected positions, a token "
            "table and twelve tensors a block"
        )
    (context_length, width), (vocab_size, _) = tables
    n_layer = (len(shapes) - 2) // 12
    expected = [
        (context_length, width),
        (vocab_size, width),
        *list(_block(width).values()) * n_layer,
    ]
    for number, (given, wanted) in enumerate(zip(shapes, expected, strict=True)):
        if given != wanted:
            raise CheckpointError(f"{path}: tensor {number} is {given}, expected {wanted}")
    if width % HEAD_DIM:
        raise CheckpointError(f"{path}: width {width} is no multiple of the head size {HEAD_DIM}")
    return ModelConfig(
        norm="post",
        n_layer=n_layer,
        n_head=width // HEAD_DIM,
        n_embd=width,
        context_length=context_length,
        vocab_size=vocab_size,
        dropout=0.1,
    )


def _read_shapes(path: Path) -> list[tuple[int, ...]]:
    try:
        return [tuple(map(int, shape)) for shape in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is no list of shapes ({error}); fetch it again") from None


def _read_pieces(folder: Path, size: int) -> npt.NDArray[np.float32]:
    """Join params_0.npy, params_1.npy, ... into one array of `size` numbers."""
    count = len(list(folder.glob("params_*.npy")))
    pieces: list[npt.NDArray[np.float32]] = []
    for number in range(count):
        path = folder / f"params_{number}.npy"
        try:
            piece = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            raise CheckpointError(f"{path} is missing among {count} pieces; fetch it") from None
        except (ValueError, EOFError, OSError) as error:
            raise CheckpointError(f"{path} is damaged ({error}); fetch it again") from None
        if piece.ndim != 1 or piece.dtype.kind != "f":
            raise CheckpointError(f"{path} is {piece.dtype} {piece.shape}, expected flat floats")
        pieces.append(piece.astype(np.float32, copy=False))
    found = sum(map(len, pieces))
    if found != size:
        raise CheckpointError(
            f"the {count} pieces params_*.npy in {folder} hold {found:,} numbers, {SHAPES_FILE} "
            f"asks for {size:,}; fetch those that are missing or cut"
        )
    return np.concatenate(pieces)
