"""Tables of zero-shot scores: by model, of summaries, and their change with size."""

from collections.abc import Callable
from statistics import fmean

from gptpath.report.numbers import MISSING, count, fixed
from gptpath.report.results import (
    SUMMARIES,
    Record,
    Results,
    beats_chance,
    final_scores,
    printed_rouge,
)
from gptpath.report.tables import Cell, Table

_SUMMARY_BASELINES = {"-lead": "leading sentences", "-random": "random sentences"}
FIGURE_2_BEST = {
    "cola": ("mcc", 0.350),
    "sst-2": ("accuracy", 0.932),
    "race": ("accuracy", 0.533),
}
"""Task -> our metric, and the best earlier score that GPT-1 prints (its Tables 3 and 4)."""
_BY_SENTENCES = " The average is of R-1, R-2 and R-L by sentences, the R-L that papers print."
_SUMMARY_PROMPTS = {"": "with TL;DR:", "-no-hint": "without the hint"}


def zeroshot_table(results: Results) -> Table:
    """Every final score of every model, with intervals and chance."""
    keys, cells = _score_cells(results, lambda score: score["task"] not in SUMMARIES)
    rows: list[tuple[str | Cell, ...]] = []
    for key in keys:
        first = next(cells[m, key] for m in results.models if (m, key) in cells)
        task, metric, protocol = key
        label = Cell(text=task, small=f"{metric}; {protocol}" if protocol else metric)
        scores = (_score_cell(cells.get((model, key))) for model in results.models)
        blind = (_plain(first.get("random", first["chance"])), _plain(first.get("majority")))
        rows.append((label, count(first["items"]), *blind, *scores))
    return Table(
        caption="Ours: zero-shot scores of the final checkpoints [interval]",
        columns=("task", "items", "random", "majority", *results.models),
        rows=tuple(rows),
        note="Random is guessing evenly, majority the best constant answer. Bold: the whole "
        "interval lies above chance and above the majority. Where a task has several protocols, "
        "the statements and figures use its first one.",
    )


def figure2_table(results: Results) -> Table | None:
    """GPT-1's heuristics as its Figure 2 plots them; None if none of them was asked."""
    cells = {
        (model, score["task"]): score
        for model in (results.gpt1, results.lstm)
        for score in final_scores(results, model)
        if FIGURE_2_BEST.get(score["task"], ("", 0))[0] == score["metric"]
    }
    tasks = [task for task in FIGURE_2_BEST if any(key[1] == task for key in cells)]
    if not tasks:
        return None
    rows = tuple(
        (
            task,
            *(
                _ratio_cell(cells.get((model, task)), FIGURE_2_BEST[task][1])
                for model in (results.gpt1, results.lstm)
            ),
        )
        for task in tasks
    )
    return Table(
        caption="Ours: (score - random) / (best before GPT-1 - random) [interval]",
        columns=("task", results.gpt1, results.lstm),
        rows=rows,
        note="The scale of GPT-1 Figure 2; tasks whose best earlier score the paper prints.",
    )


def summaries_table(results: Results, task: str) -> Table | None:
    """ROUGE after `TL;DR:` and its baselines, as in GPT-2 Table 4; None if it was not asked."""
    systems: dict[str, dict[str, Record]] = {}
    for model in results.models:
        for score in final_scores(results, model):
            if score["task"] == task:
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
    averages = {
        name: fmean([scores[kind]["value"] for kind in printed_rouge(scores.keys())])
        for name, scores in systems.items()
    }
    order = sorted(systems, key=lambda name: -averages[name])
    rows = tuple(
        (
            name,
            *(_percent_cell(systems[name].get(kind)) for kind in kinds),
            fixed(100 * averages[name], 2),
        )
        for name in order
    )
    return Table(
        caption=f"Ours: summaries after TL;DR: ({task}), ROUGE F1 in per cent [interval]",
        columns=("system", *(_rouge_name(kind) for kind in kinds), "average"),
        rows=rows,
        note="Against the author's own summary; best average first. The sentence baselines "
        "need no model: a text that opens with its own summary makes the first sentence strong."
        + (_BY_SENTENCES if "rouge-l-summary" in kinds else ""),
    )


def _rouge_name(kind: str) -> str:
    return kind.upper().replace("ROUGE", "R").replace("-SUMMARY", " by sentences")


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


def left_out(results: Results) -> tuple[tuple[str, str], ...]:
    """(task, why) of absent tasks, and of rows that were malformed, by reason."""
    told: dict[str, str] = {}
    for model in results.models:
        told |= results.zeroshot[model].get("absent", {})
        for task, reasons in results.zeroshot[model].get("malformed", {}).items():
            if reasons:
                rows = ", ".join(f"{count(n)} × {why}" for why, n in sorted(reasons.items()))
                told[task] = f"rows left out: {rows}"
    return tuple(told.items())


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


def _ratio_cell(score: Record | None, best: float) -> Cell:
    if score is None:
        return Cell(text=MISSING)
    blind = score["random"] or 0.0
    value, low, high = ((score[k] - blind) / (best - blind) for k in ("value", "low", "high"))
    return Cell(text=fixed(value, 2), small=f"[{fixed(low, 2)}, {fixed(high, 2)}]", strong=low > 0)


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
