"""Tables of docs/zeroshot-study.md from the zero-shot results of a run.

    python -m benchmarks.zeroshot_study metrics/zeroshot/gpt1-books metrics/zeroshot/lstm-books ...
        [--size gpt2-books-s gpt2-books-m ...] [--without Alice]

Takes folders with a results.json each and prints Markdown: the finished models against chance, with
a verdict by the interval; perplexities and bits of running text, which have no blind score; scores
against the pretraining step, for models with several checkpoints; scores against size, in the order
of the parameters; and choices scored again from the item records without those whose id holds a
text, a book's title say. Step and size leave out metrics that no column answers better than blind.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gptpath.zeroshot.baselines import choice_baselines
from gptpath.zeroshot.intervals import Resampling
from gptpath.zeroshot.item_files import read_items, recompute

LOWER_IS_BETTER = ("perplexity", "bits-per-unit")
"""By the score's `statistic`."""

Record = dict[str, Any]
Key = tuple[str, str]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--size", nargs="*", default=(), help="models of one family, for size")
    parser.add_argument("--without", help="leave out items with this in their id, where there are")
    options = parser.parse_args()
    models: dict[str, Record] = {}
    for folder in options.folders:
        found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        models[found["model"]] = found
    print(against_chance(models))
    print(running_text(models))
    for name, model in models.items():
        if len(model["checkpoints"]) > 1:
            print(against_step(name, model))
    if options.size:
        print(against_size({name: models[name] for name in options.size}))
    if options.without:
        items = {
            name: list(read_items(folder))
            for name, folder in zip(models, options.folders, strict=True)
        }
        print(left_over(models, items, options.without))


def scores(checkpoint: Record) -> dict[Key, Record]:
    """A checkpoint's scores by task and metric."""
    return {(score["task"], score["metric"]): score for score in checkpoint["scores"]}


def blind(score: Record) -> float | None:
    """The better of guessing evenly and the best constant answer."""
    known = [score[name] for name in ("random", "majority") if score[name] is not None]
    best = min if score["statistic"] in LOWER_IS_BETTER else max
    return best(known, default=None)


def verdict(score: Record) -> str:
    """`above`, `below` or `with` the blind score, by the 95 % interval."""
    level = blind(score)
    if level is None:
        return ""
    sign = -1 if score["statistic"] in LOWER_IS_BETTER else 1
    low, high = sorted(sign * score[end] for end in ("low", "high"))
    return "above" if low > sign * level else "below" if high < sign * level else "with"


def is_model_free(key: Key) -> bool:
    """Whether a metric is a baseline that no model takes part in."""
    return key[1].endswith(("-lead", "-random", "-copied-source"))


def against_chance(models: dict[str, Record]) -> str:
    """Every metric that has a blind score, one row each; bold where it beats that."""
    finals = {name: scores(model["checkpoints"][-1]) for name, model in models.items()}
    keys = dict.fromkeys(key for of_model in finals.values() for key in of_model)
    rows: list[list[str]] = []
    tally = {name: {"above": 0, "with": 0, "below": 0} for name in models}
    for key in keys:
        cells = [of_model.get(key) for of_model in finals.values()]
        known = [cell for cell in cells if cell is not None]
        if blind(known[0]) is None or is_model_free(key):
            continue
        for name, cell in zip(models, cells, strict=True):
            if cell is not None:
                tally[name][verdict(cell)] += 1
        chances = dict.fromkeys(number(blind(cell)) for cell in known)
        rows.append([f"{key[0]}, {key[1]}", "; ".join(chances), *map(shown, cells)])
    heads = [
        f"{name}, {model['parameters'] / 1e6:.2f}M, step {model['checkpoints'][-1]['step']}"
        for name, model in models.items()
    ]
    counted = [" / ".join(str(count) for count in tally[name].values()) for name in models]
    rows.append(["metrics above / with / below blind", "", *counted])
    return table(["task, metric", "blind", *heads], rows)


def running_text(models: dict[str, Record]) -> str:
    """Perplexities and bits that have no blind score, one row each."""
    finals = [scores(model["checkpoints"][-1]) for model in models.values()]
    keys = dict.fromkeys(
        key
        for of_model in finals
        for key, score in of_model.items()
        if score["statistic"] in LOWER_IS_BETTER and blind(score) is None
    )
    rows = [
        [f"{key[0]}, {key[1]}", *(shown(of_model.get(key), count=False) for of_model in finals)]
        for key in keys
    ]
    return table(["running text: task, metric", *models], rows)


def against_step(name: str, model: Record) -> str:
    """Metrics that every checkpoint answered and one of them better than blind."""
    columns = [scores(checkpoint) for checkpoint in model["checkpoints"]]
    keys = [key for key in columns[0] if all(key in column for column in columns)]
    rows = [
        [f"{key[0]}, {key[1]}", number(blind(columns[0][key]))]
        + [shown(column[key], interval=False) for column in columns]
        for key in keys
        if any(verdict(column[key]) == "above" for column in columns)
    ]
    steps = [f"step {checkpoint['step']}" for checkpoint in model["checkpoints"]]
    return table([f"{name}: task, metric", "blind", *steps], rows)


def against_size(models: dict[str, Record]) -> str:
    """Metrics of the finished models, and whether the largest beats the smallest by the intervals.

    The intervals of two models over the same items are not independent; apart is apart all the
    more, but overlapping ones prove nothing.
    """
    names = sorted(models, key=lambda name: models[name]["parameters"])
    columns = [scores(models[name]["checkpoints"][-1]) for name in names]
    rows: list[list[str]] = []
    for key in columns[0]:
        cells = [column[key] for column in columns if key in column]
        if len(cells) < len(columns) or is_model_free(key) or "above" not in map(verdict, cells):
            continue
        first, last = cells[0], cells[-1]
        sign = -1 if first["statistic"] in LOWER_IS_BETTER else 1
        ends = [sorted(sign * cell[end] for end in ("low", "high")) for cell in (first, last)]
        apart = "up" if ends[1][0] > ends[0][1] else "down" if ends[1][1] < ends[0][0] else ""
        rows.append([f"{key[0]}, {key[1]}", number(blind(first)), *map(shown, cells), apart])
    heads = [f"{name}, {models[name]['parameters'] / 1e6:.2f}M" for name in names]
    return table(["task, metric", "blind", *heads, "better with size"], rows)


def left_over(models: dict[str, Record], items: dict[str, list[Record]], text: str) -> str:
    """Choices among the items whose id does not hold `text`, of tasks where some do."""
    tasks = {row["task"] for of_model in items.values() for row in of_model if text in row["id"]}
    kept = {
        name: [row for row in of_model if row["task"] in tasks and text not in row["id"]]
        for name, of_model in items.items()
    }
    finals = {name: scores(model["checkpoints"][-1]) for name, model in models.items()}
    keys = dict.fromkeys(key for of_model in finals.values() for key in of_model)
    rows: list[list[str]] = []
    for key in (key for key in keys if key[0] in tasks):
        cells = [_again(of_model.get(key), kept[name]) for name, of_model in finals.items()]
        levels = dict.fromkeys(number(blind(cell)) for cell in cells if cell is not None)
        rows.append([f"{key[0]}, {key[1]}", "; ".join(levels), *map(shown, cells)])
    return table([f"without {text}: task, metric", "blind", *models], rows)


def _again(score: Record | None, rows: Sequence[Record]) -> Record | None:
    """A share of right choices, from the records of some items."""
    rows = [row for row in rows if score is not None and row["task"] == score["task"]]
    if score is None or not rows:
        return None
    value, low, high = recompute(rows, score, Resampling(samples=1, seed=0))
    counts = [len(row["candidates"]) for row in rows]
    baselines = choice_baselines(counts, [row["label"] for row in rows])
    return score | {
        "value": value,
        "low": low,
        "high": high,
        "items": len(rows),
        "random": baselines.random,
        "majority": baselines.majority,
    }


def shown(score: Record | None, *, interval: bool = True, count: bool = True) -> str:
    """Value, interval and items, bold where the interval beats blind guessing."""
    if score is None:
        return ""
    value = number(score["value"])
    value = f"**{value}**" if verdict(score) == "above" else value
    if not interval:
        return value
    value += f" [{number(score['low'])}, {number(score['high'])}]"
    return f"{value} n={score['items']}" if count else value


def number(value: float | None) -> str:
    """Three digits after the point, or three significant ones where it is large."""
    if value is None:
        return ""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.3g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    lines.insert(1, "|---" * len(head) + "|")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
