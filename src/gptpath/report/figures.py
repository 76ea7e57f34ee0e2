"""The figures of the page, each from the numbers of one run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from gptpath.report.charts import Line, Range, Rule, line_chart, range_chart
from gptpath.report.numbers import fixed, percent, percent_tick, short, tick
from gptpath.report.results import Record, Results, headline_scores
from gptpath.report.scales import Axis

VARIANT_COLOURS = {
    "full": "c-gpt1",
    "no-pretraining": "c-none",
    "no-auxiliary-loss": "c-other",
    "lstm": "c-lstm",
}


_ZEROSHOT_CAPTION = (
    "Zero-shot score along pretraining as (score − chance) / (1 − chance): 0 is guessing, 1 is "
    "perfect; the shade is the interval. GPT-1's Figure 2 divides by the best supervised score "
    "less chance instead, which tasks derived from the corpus do not have."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One drawing: for wide pages and for phones, or the same for both."""

    title: str
    wide: str
    narrow: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """Panels under one caption."""

    caption: str
    panels: tuple[Panel, ...]
    legend: tuple[tuple[str, str], ...] = ()
    """(label, colour class)."""


def model_colour(results: Results, model: str) -> str:
    """The CSS class that stands for `model` everywhere on the page."""
    if model == results.gpt1:
        return "c-gpt1"
    if model == results.lstm:
        return "c-lstm"
    if model not in results.sizes:
        return "c-other"
    place = results.sizes.index(model)
    return f"c-size-{4 - min(len(results.sizes) - 1 - place, 3)}"


def loss_curves(results: Results) -> Figure:
    """Held-out loss against training tokens, with the n-gram models as reference."""
    lines = [
        Line(
            label=name,
            colour=model_colour(results, name),
            points=[(p["tokens"], p["loss"]) for p in results.pretrain[name]["validation"]],
        )
        for name in results.models
    ]
    baselines = results.encode["baselines"]
    rules = [
        Rule(label=f"{kind} model", value=baselines[kind]["loss"]) for kind in ("unigram", "bigram")
    ]
    finals = ", ".join(f"{m} {fixed(results.pretrain[m]['final']['loss'])}" for m in results.models)
    description = (
        f"Held-out loss in nats per token while training. Final: {finals}; unigram "
        f"{fixed(baselines['unigram']['loss'])}, bigram {fixed(baselines['bigram']['loss'])}."
    )
    axes = (Axis(label="training tokens"), Axis(label="held-out loss, nats per token"))
    return Figure(
        caption="Held-out loss along pretraining, measured on the same tokens for every model. "
        "The horizontal lines are count models of the same training tokens.",
        panels=(_both("", description, lines, axes, rules),),
        legend=_legend(results, results.models),
    )


def finetune_ranges(results: Results) -> Figure:
    """Median and range over seeds of every variant, one panel a task."""
    panels: list[Panel] = []
    for task, record in results.finetune.items():
        summary = record["summary"]
        ranges = [
            Range(
                label=variant,
                low=summary[variant]["min"],
                middle=summary[variant]["median"],
                high=summary[variant]["max"],
                colour=VARIANT_COLOURS.get(variant, "c-other"),
            )
            for variant in results.variants
            if variant in summary
        ]
        if not ranges:
            continue
        metric = record["metric"]
        told = ", ".join(f"{r.label} {percent(r.middle)}" for r in ranges)
        draw = partial(
            range_chart,
            description=f"{task}: median test {metric} {told}; chance {percent(record['chance'])}.",
            ranges=ranges,
            mark=("chance", record["chance"]),
            x=Axis(label=f"test {metric}", text=percent_tick),
        )
        panels.append(_panel(task, draw, len(results.finetune)))
    return Figure(
        caption="Fine-tuning: dot = median over the seeds, bar = lowest to highest seed. "
        "The vertical line is chance.",
        panels=tuple(panels),
    )


def zeroshot_curves(results: Results, models: Sequence[str], *, first: bool) -> Figure:
    """Scores between chance (0) and perfect (1) along pretraining, one panel a task."""
    tasks: list[str] = []
    for model in models:
        for checkpoint in results.zeroshot[model]["checkpoints"]:
            tasks += [t for t in _with_room(checkpoint["scores"]) if t not in tasks]
    panels = tuple(_zeroshot_panel(results, models, task, len(tasks)) for task in tasks)
    return Figure(
        caption=_ZEROSHOT_CAPTION if first else "The same for the other models.",
        panels=panels,
        legend=_legend(results, models),
    )


def loss_against_size(results: Results) -> Figure:
    """Held-out loss against parameters, with the fitted power law where there is one."""
    models = results.scaling["models"]
    points = sorted((m["parameters"], m["loss"]) for m in models)
    lines = [
        Line(
            label=m["name"],
            colour=model_colour(results, m["name"]),
            points=[(m["parameters"], m["loss"])],
            markers=True,
            joined=False,
        )
        for m in models
    ]
    fit = fitted_loss(results)
    fitted = [m["parameters"] for m in models if m["name"] in results.sizes]
    if fit is not None:
        lines.insert(
            0,
            Line(
                label="fit",
                colour="c-none",
                dashed=True,
                points=[(n, fit[0] * n ** -fit[1]) for n in (min(fitted), max(fitted))],
            ),
        )
    told = ", ".join(f"{short(n)} parameters {fixed(loss)}" for n, loss in points)
    axes = (
        Axis(label="parameters", log=True),
        Axis(label="held-out loss, nats per token", log=True, text=tick),
    )
    return Figure(
        caption="Held-out loss against size, both axes logarithmic; dashed: the power law "
        "fitted to the sizes that differ in nothing else.",
        panels=(_both("", f"Loss against parameters: {told}.", lines, axes, ()),),
        legend=_legend(results, tuple(m["name"] for m in models)),
    )


def scores_against_size(results: Results) -> Figure:
    """Final zero-shot scores against parameters, one panel a task (GPT-2 Fig. 1)."""
    panels: list[Panel] = []
    finals = {m: results.zeroshot[m]["checkpoints"][-1:] for m in results.sizes}
    by_model = {m: headline_scores(c[0]["scores"]) for m, c in finals.items() if c}
    tasks = dict.fromkeys(task for scores in by_model.values() for task in scores)
    for task in tasks:
        rows = [
            (results.pretrain[m]["parameters"], scores[task])
            for m, scores in by_model.items()
            if task in scores
        ]
        line = Line(
            label="GPT-2",
            colour="c-size-4",
            points=[(n, s["value"]) for n, s in rows],
            band=[(n, s["low"], s["high"]) for n, s in rows],
            markers=True,
        )
        told = ", ".join(f"{short(n)}: {fixed(s['value'])}" for n, s in rows)
        draw = partial(
            line_chart,
            description=f"{task} by parameters: {told}; chance {fixed(rows[0][1]['chance'])}.",
            lines=[line],
            x=Axis(label="parameters", log=True),
            y=Axis(label=rows[0][1]["metric"], text=tick),
            rules=[Rule(label="chance", value=rows[0][1]["chance"])],
            height=230,
        )
        panels.append(_panel(task, draw, len(tasks)))
    return Figure(
        caption="Final zero-shot score against size; the shade is the interval.",
        panels=tuple(panels),
    )


def fitted_loss(results: Results) -> tuple[float, float] | None:
    """(coefficient, exponent) of loss = coefficient × parameters^-exponent, if it was fitted."""
    fit = results.scaling.get("loss_fit") or {}
    if fit.get("coefficient") is None or fit.get("exponent") is None:
        return None
    return fit["coefficient"], fit["exponent"]


def _zeroshot_panel(results: Results, models: Sequence[str], task: str, count: int) -> Panel:
    lines: list[Line] = []
    for model in models:
        found: list[tuple[int, Record]] = []
        for checkpoint in results.zeroshot[model]["checkpoints"]:
            scores = _with_room(checkpoint["scores"])
            if task in scores:
                found.append((checkpoint["step"], scores[task]))
        lines.append(
            Line(
                label=model,
                colour=model_colour(results, model),
                points=[(step, _normalised(s["value"], s)) for step, s in found],
                band=[
                    (step, _normalised(s["low"], s), _normalised(s["high"], s)) for step, s in found
                ],
                markers=True,
            )
        )
    ends = ", ".join(
        f"{line.label} ends at {fixed(line.points[-1][1], 2)}" for line in lines if line.points
    )
    draw = partial(
        line_chart,
        description=f"{task} along pretraining, 0 is chance and 1 is perfect: {ends}.",
        lines=lines,
        x=Axis(label="optimiser step", log=True),
        y=Axis(label="score above chance", text=tick),
        rules=[Rule(label="chance", value=0.0)],
        height=230,
    )
    return _panel(task, draw, count)


def _panel(title: str, draw: Callable[..., str], count: int) -> Panel:
    """Two or four panels stand in two columns, other numbers in three."""
    wide = 500 if count in (1, 2, 4) else 350
    return Panel(title=title, wide=draw(width=wide), narrow=draw(width=340))


def _with_room(scores: Sequence[Record]) -> dict[str, Record]:
    """Without tasks whose chance is perfect already, as of a single item's best constant answer."""
    return {task: s for task, s in headline_scores(scores).items() if s["chance"] < 1}


def _normalised(value: float, score: Record) -> float:
    return (value - score["chance"]) / (1 - score["chance"])


def _both(
    title: str,
    description: str,
    lines: Sequence[Line],
    axes: tuple[Axis, Axis],
    rules: Sequence[Rule],
) -> Panel:
    x, y = axes
    return Panel(
        title=title,
        wide=line_chart(
            description=description,
            lines=lines,
            x=x,
            y=y,
            rules=rules,
            width=920,
            height=400,
            end_labels=True,
        ),
        narrow=line_chart(
            description=description, lines=lines, x=x, y=y, rules=rules, width=360, height=300
        ),
    )


def _legend(results: Results, models: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, model_colour(results, name)) for name in models)
