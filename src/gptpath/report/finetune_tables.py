"""Tables of fine-tuning: variants, layer transfer, and what was taken for what."""

from collections.abc import Sequence
from statistics import fmean

from gptpath.report.numbers import MISSING, count, fixed, percent
from gptpath.report.published import GPT1_SCORES
from gptpath.report.results import Record, Results
from gptpath.report.tables import Cell, Table, ablations_table

MOST_LABELS = 8
"""A confusion table of more is not shown."""
_TRANSFER = "transfer-"


def finetuning_tables(results: Results) -> tuple[Table, ...]:
    """All tables of the section."""
    transfer = transfer_table(results)
    return (
        finetune_table(results),
        ablations_table(),
        *([transfer] if transfer is not None else []),
        *confusion_tables(results),
    )


def finetune_table(results: Results) -> Table:
    """Variants against tasks: median and range over seeds."""
    tasks = [task for task, record in results.finetune.items() if record["summary"]]
    rows: list[tuple[str | Cell, ...]] = []
    for variant in results.variants:
        cells = [_range_cell(results.finetune[task], variant) for task in tasks]
        medians = [results.finetune[t]["summary"].get(variant, {}).get("median") for t in tasks]
        rows.append((variant, *cells, _mean_percent(medians)))
    for label, key in (("chance", "chance"), ("majority class", "majority")):
        values = [results.finetune[task].get(key) for task in tasks]
        rows.append((label, *(percent(value) for value in values), _mean_percent(values)))
    if any(task in GPT1_SCORES for task in tasks):
        published = [GPT1_SCORES.get(task) for task in tasks]
        rows.append(
            (
                "GPT-1, published",
                *(fixed(value, 1) if value else MISSING for value in published),
                "",
            )
        )
    rows.append(
        ("test items", *(count(results.finetune[task]["test_items"]) for task in tasks), "")
    )
    seeds = {row["seed"] for record in results.finetune.values() for row in record["rows"]}
    return Table(
        caption=f"Ours: fine-tuning, median of {len(seeds)} seed(s) [lowest, highest]",
        columns=("variant", *(title(results, task) for task in tasks), "average"),
        rows=tuple(rows),
        note="Test score of the parameters with the best validation score: accuracy where no other "
        "metric is named. Bold: the best median of the task.",
    )


def transfer_table(results: Results) -> Table | None:
    """The layer transfer (GPT-1 Fig. 2 left): test and training score by blocks taken."""
    tasks = [t for t, r in results.finetune.items() if any(map(_blocks, r["summary"]))]
    if not tasks:
        return None
    names = {n for t in tasks for n in results.finetune[t]["summary"] if n.startswith(_TRANSFER)}
    rows = [
        (
            name.removeprefix(_TRANSFER),
            *(
                cell
                for task in tasks
                for cell in (
                    _range_cell(results.finetune[task], name),
                    percent(_train_score(results.finetune[task], name)),
                )
            ),
        )
        for name in sorted(names, key=lambda name: int(name.removeprefix(_TRANSFER)))
    ]
    heads = [head for task in tasks for head in (title(results, task), f"{task} on train")]
    return Table(
        caption="Ours: score by the number of blocks taken over, the others drawn anew",
        columns=("blocks", *heads),
        rows=tuple(rows),
        note="With 0 blocks the embeddings alone are taken over (GPT-1 Figure 2 left).",
    )


def confusion_tables(results: Results) -> tuple[Table, ...]:
    """Of the full variant, its kept seed: test items by true and by predicted label."""
    return tuple(
        Table(
            caption=f"{task}, full: true label (row) and predicted label",
            columns=("", *record["labels"]),
            rows=tuple(
                (label, *(Cell(text=count(n), strong=i == j) for j, n in enumerate(line)))
                for i, (label, line) in enumerate(
                    zip(record["labels"], record["confusion"]["full"], strict=True)
                )
            ),
        )
        for task, record in results.finetune.items()
        if "full" in record.get("confusion", {}) and len(record["labels"]) <= MOST_LABELS
    )


def title(results: Results, task: str) -> str:
    """The task, with its metric where that is not accuracy."""
    metric = results.finetune[task]["metric"]
    return task if metric == "accuracy" else f"{task} ({metric})"


def _blocks(variant: str) -> bool:
    return variant.startswith(_TRANSFER)


def _train_score(record: Record, variant: str) -> float | None:
    found = [row["train_score"] for row in record["rows"] if row["variant"] == variant]
    return fmean(found) if found else None


def _range_cell(record: Record, variant: str) -> Cell:
    summary = record["summary"].get(variant)
    if summary is None:
        return Cell(text=MISSING)
    best = max(values["median"] for values in record["summary"].values())
    return Cell(
        text=percent(summary["median"]),
        small=f"[{fixed(100 * summary['min'], 1)}, {fixed(100 * summary['max'], 1)}]",
        strong=summary["median"] == best,
    )


def _mean_percent(values: Sequence[float | None]) -> str:
    present = [value for value in values if value is not None]
    if not present or len(present) < len(values):
        return MISSING
    return percent(fmean(present))
