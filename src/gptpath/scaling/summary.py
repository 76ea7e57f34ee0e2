"""metrics/scaling.json: every model, the fits, and a prediction held against the truth."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gptpath.scaling.fits import PowerLaw, fit_power_law, fit_slope
from gptpath.scaling.points import Point

FEW_POINTS = 5


def summarise(
    everyone: Sequence[Point], fitted: Sequence[str], *, samples: int, seed: int
) -> dict[str, Any]:
    """All models as rows; fits over the models named in `fitted`, which differ in size alone.

    Fits need two models of different size and the prediction three; where they are not there, the
    entry holds a `note` that says so and nothing else.
    """
    points = sorted((p for p in everyone if p.name in fitted), key=lambda p: p.parameters)
    return {
        "models": [_row(point) for point in everyone],
        "fitted": [point.name for point in points],
        "loss_fit": _loss_fit(points, samples, seed),
        "score_fits": _score_fits(points, samples, seed),
        "prediction": _prediction(points),
    }


def _row(point: Point) -> dict[str, Any]:
    row = asdict(point)
    del row["loss_error"]
    return row | {"scores": {name: score.value for name, score in point.scores.items()}}


def _fit(points: Sequence[Point], samples: int, seed: int) -> PowerLaw:
    errors = [p.loss_error for p in points if p.loss_error is not None]
    return fit_power_law(
        [p.parameters for p in points],
        [p.loss for p in points],
        errors if len(errors) == len(points) else None,
        samples=samples,
        seed=seed,
    )


def _loss_fit(points: Sequence[Point], samples: int, seed: int) -> dict[str, Any]:
    if not _sizes_differ(points, 2):
        return {"note": _too_few(points, 2, "a power law")}
    fit = _fit(points, samples, seed)
    return asdict(fit) | {"x": "parameters", "y": "loss", "note": _loss_note(fit)}


def _loss_note(fit: PowerLaw) -> str:
    interval = (
        "no interval: the held-out task was not measured"
        if fit.low is None
        else "the interval covers the noise of the held-out measurement alone (errors taken as "
        "independent although all models read the same text, so it is rather too wide)"
    )
    limits = (
        f"{fit.points} points for 2 unknowns: this describes these models and cannot show that the "
        "law holds beyond them. "
        if fit.points < FEW_POINTS
        else ""
    )
    return (
        f"loss = coefficient * parameters^-exponent by least squares in logarithms. {limits}"
        f"One seed a size, equal training tokens, no tuning by size; {interval}."
    )


def _score_fits(points: Sequence[Point], samples: int, seed: int) -> dict[str, Any]:
    if not _sizes_differ(points, 2):
        return {}
    shared = set.intersection(*(set(point.scores) for point in points))
    return {
        name: asdict(
            fit_slope(
                [p.parameters for p in points],
                [p.scores[name].value for p in points],
                [p.scores[name].error for p in points],
                samples=samples,
                seed=seed,
            )
        )
        | {"x": "log10 parameters"}
        for name in sorted(shared)
    }


def _prediction(points: Sequence[Point]) -> dict[str, Any]:
    """The largest model's loss from the smaller ones alone, beside what it turned out to be."""
    if not _sizes_differ(points, 3):
        return {"note": _too_few(points, 3, "a prediction for the largest from the others")}
    *smaller, largest = points
    predicted = _fit(smaller, samples=1, seed=0).at(largest.parameters)
    return {
        "model": largest.name,
        "parameters": largest.parameters,
        "fitted_on": [p.name for p in smaller],
        "predicted_loss": predicted,
        "actual_loss": largest.loss,
        "error": predicted - largest.loss,
        "relative_error": (predicted - largest.loss) / largest.loss,
        "note": f"power law through the {len(smaller)} smaller models, carried on "
        f"{largest.parameters / smaller[-1].parameters:.1f} times beyond them",
    }


def _sizes_differ(points: Sequence[Point], least: int) -> bool:
    return len({p.parameters for p in points}) == len(points) >= least


def _too_few(points: Sequence[Point], least: int, what: str) -> str:
    names = ", ".join(f"{p.name} ({p.parameters})" for p in points) or "none"
    return f"{what} needs at least {least} models of different size; scaling.models are: {names}"
