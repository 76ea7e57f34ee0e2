"""Tables of zero-shot scores: by model, of summaries, and their change with size."""

from collections.abc import Callable
from statistics import fmean

from gptpath.report.numbers import MISSING, count, fixed
from gptpath.report.results import Record, Results, beats_chance, final_scores
from gptpath.report.tables import Cell, Table

_SUMMARY_BASELINES = {"-lead": "first sentence", "-random": "one random sentence"}
_SUMMARY_PROMPTS = {"": "with TL;DR:", "-no-hint": "without the hint"}


def zeroshot_table(results: Results) -> Table:
    """Every final score of every model, with intervals and chance."""
    keys, cells = _score_cells(results, lambda score: score["task"] != "tldr")
    rows: list[tuple[str | Cell, ...]] = []
    for key in keys:
        first = next(cells[m, key] for m in results.models if (m, key) in cells)
        task, metric, protocol = key
        label = Cell(text=task, small=f"{metric}; {protocol}" if protocol else metric)
        scores = (_score_cell(cells.get((model, key))) for model in results.models)
        rows.append((label, count(first["items"]), _plain(first["chance"]), *scores))
    return Table(
        caption="Ours: zero-shot scores of the final checkpoints [interval]",
        columns=("task", "items", "chance", *results.models),
        rows=tuple(rows),
        note="Bold: the whole interval lies above chance. Where a task has several protocols, "
        "the statements and figures use its first one.",
    )


def summaries_table(results: Results) -> Table | None:
    """ROUGE of `TL;DR:` and its baselines, as in GPT-2 Table 4; None if it was not asked."""
    systems: dict[str, dict[str, Record]] = {}
    for model in results.models:
        for score in final_scores(results, model):
            if score["task"] == "tldr":
                suffix = str(score["protocol"]).removeprefix("tldr-rouge")
                name = (
                    _SUMMARY_BASELINES.get(suffix)
                    or f"{model} {_SUMMARY_PROMPTS.get(suffix, suffix)}"
                )
                kind = score["metric"].removesuffix(suffix)
                systems.setdefault(name, {})[kind] = score
    if not systems:
        return None
    kinds = list(next(iter(systems.values())))
    order = sorted(systems, key=lambda name: -fmean([s["value"] for s in systems[name].values()]))
    rows = tuple(
        (
            name,
            *(_percent_cell(systems[name].get(kind)) for kind in kinds),
            fixed(100 * fmean([s["value"] for s in systems[name].values()]), 2),
        )
        for name in order
    )
    return Table(
        caption="Ours: summaries after TL;DR:, ROUGE F1 in per cent [interval]",
        columns=("system", *(kind.upper().replace("ROUGE", "R") for kind in kinds), "average"),
        rows=rows,
        note="Against the author's own summary line; best average first. The sentence baselines "
        "need no model: a text that opens with its own summary makes the first sentence strong.",
    )


def slopes_table(results: Results) -> Table | None:
    """Change of every zero-shot score for a tenfold size; None where nothing could be fitted."""
    fits = results.scaling.get("score_fits") or {}
    if not fits:
        return None
    rows = tuple(
        (
            name,
            Cell(
                text=fixed(fit["slope"]),
                small=f"[{fixed(fit['low'])}, {fixed(fit['high'])}]",
                strong=fit["low"] > 0 or fit["high"] < 0,
            ),
            count(fit["points"]),
        )
        for name, fit in fits.items()
    )
    return Table(
        caption="Ours: change of zero-shot scores for a tenfold size [interval]",
        columns=("task/metric", "change", "sizes"),
        rows=rows,
        note="Bold: the interval excludes no change. Perplexities and bits per byte should fall, "
        "all else rise.",
    )


def _score_cells(
    results: Results, keep: Callable[[Record], bool]
) -> tuple[list[tuple[str, str, str]], dict[tuple[str, tuple[str, str, str]], Record]]:
    keys: dict[tuple[str, str, str], None] = {}
    cells: dict[tuple[str, tuple[str, str, str]], Record] = {}
    for model in results.models:
        for score in final_scores(results, model):
            if keep(score):
                key = (score["task"], score["metric"], score.get("protocol") or "")
                keys[key] = None
                cells[model, key] = score
    return list(keys), cells


def _score_cell(score: Record | None) -> Cell:
    if score is None:
        return Cell(text=MISSING)
    digits = _digits(score["value"])
    low, high = score.get("low"), score.get("high")
    interval = (
        "" if low is None or high is None else f"[{fixed(low, digits)}, {fixed(high, digits)}]"
    )
    return Cell(text=fixed(score["value"], digits), small=interval, strong=beats_chance(score))


def _plain(value: float | None) -> str:
    return MISSING if value is None else fixed(value, _digits(value))


def _digits(value: float) -> int:
    return 3 if abs(value) < 10 else 1


def _percent_cell(score: Record | None) -> Cell:
    if score is None:
        return Cell(text=MISSING)
    low, high = fixed(100 * score["low"], 1), fixed(100 * score["high"], 1)
    return Cell(text=fixed(100 * score["value"], 2), small=f"[{low}, {high}]")
