"""What is known of each trained model: size, compute, loss and scores, read from metrics/."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptpath.errors import PipelineError

Z = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A number and the standard error that its 95 % interval implies."""

    value: float
    error: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One trained model."""

    name: str
    family: str
    parameters: int
    non_embedding_parameters: int
    tokens: int
    """Training tokens."""
    flops: float
    """Training FLOPs."""
    loss: float
    """Held-out loss after pretraining, nats per token."""
    loss_error: float | None
    """Standard error of a held-out loss over its windows; None where it was not measured."""
    bpb: float
    scores: Mapping[str, Measured]
    """`task/metric` of the finished model."""


def read_point(metrics: Path, model: str) -> Point:
    """Join metrics/pretrain/MODEL.json and metrics/zeroshot/MODEL/results.json.

    Raises PipelineError naming the stage to run when one is missing or damaged.
    """
    trained = _read(metrics / "pretrain" / f"{model}.json", f"pretrain {model}")
    tested = _read(metrics / "zeroshot" / model / "results.json", f"zeroshot {model}")
    try:
        scores = {
            f"{s['task']}/{s['metric']}": Measured(
                value=float(s["value"]), error=(float(s["high"]) - float(s["low"])) / (2 * Z)
            )
            for s in tested["checkpoints"][-1]["scores"]
        }
        return Point(
            name=model,
            family=trained["family"],
            parameters=trained["parameters"],
            non_embedding_parameters=trained["non_embedding_parameters"],
            tokens=trained["tokens"],
            flops=float(trained["flops"]),
            loss=float(trained["final"]["loss"]),
            loss_error=_loss_error(scores),
            bpb=float(trained["final"]["bpb"]),
            scores=scores,
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PipelineError(
            f"the metrics of {model} lack or garble {error}; run `gptpath pretrain {model}` and "
            f"`gptpath zeroshot {model}` again"
        ) from None


def _loss_error(scores: Mapping[str, Measured]) -> float | None:
    """The loss is the logarithm of the perplexity, so its error is the relative error of that."""
    heldout = scores.get("heldout/perplexity")
    return None if heldout is None else heldout.error / heldout.value


def _read(path: Path, stage: str) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; run `gptpath {stage}` first") from None
    except ValueError as error:
        raise PipelineError(f"{path} is not JSON ({error}); run `gptpath {stage}` again") from None
