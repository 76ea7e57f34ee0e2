"""The tables of docs/finetuning-study.md from the metrics of a run of the profile finetune-suite.

    gptpath profile finetune-suite --set ingest.raw=BOOKS --set zeroshot.benchmarks_dir=DATA
    dvc repro finetune            # or make run
    python -m benchmarks.finetune_suite [CHECKOUT]

Prints Markdown: each data set with every variant's median [lowest, highest] over the seeds beside
GPT-1's figures; then, for each variant, the average over the data sets, seed by seed.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from gptpath.report.published import GPT1_ABLATIONS, GPT1_SCORES

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Print both tables."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    records = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((root / "metrics" / "finetune").glob("*.json"))
    ]
    present = [record for record in records if record["rows"]]
    if not present:
        raise SystemExit(f"no fine-tuning results in {root / 'metrics' / 'finetune'}")
    for record in records:
        if not record["rows"]:
            sys.stdout.write(f"absent: {record['task']}: {record['absent']}\n")
    variants = list(dict.fromkeys(name for record in present for name in record["summary"]))
    write_scores(present, variants)
    write_averages(present, variants)


def write_scores(records: list[dict[str, Any]], variants: list[str]) -> None:
    """One row a data set."""
    heads = ["data set", "metric", *variants, "guessing", "majority", "GPT-1", "train", "test"]
    lines = [heads, ["---"] * len(heads)]
    for record in records:
        published = GPT1_SCORES.get(record["task"])
        lines.append(
            [
                record["task"],
                record["metric"],
                *(_spread(record["summary"].get(variant)) for variant in variants),
                f"{100 * record['chance']:.1f}",
                f"{100 * record['majority']:.1f}",
                "–" if published is None else f"{published}",
                str(record["train_items"]),
                str(record["test_items"]),
            ]
        )
    _write(lines)


def write_averages(records: list[dict[str, Any]], variants: list[str]) -> None:
    """Average over the data sets of each seed: a spread that single sets cannot hide."""
    published = {row[0]: row[1] for row in GPT1_ABLATIONS.rows}
    heads = ["variant", "average over the data sets, by seed", "median", "spread", "GPT-1 Table 5"]
    lines = [heads, ["---"] * len(heads)]
    for variant in variants:
        by_seed: dict[int, list[float]] = {}
        for record in records:
            for row in record["rows"]:
                if row["variant"] == variant:
                    by_seed.setdefault(row["seed"], []).append(100 * row[record["metric"]])
        means = [statistics.fmean(found) for found in by_seed.values()]
        lines.append(
            [
                variant,
                ", ".join(f"{mean:.1f}" for mean in means),
                f"{statistics.median(means):.1f}",
                f"{max(means) - min(means):.1f}",
                published.get(variant, "–"),
            ]
        )
    _write(lines)


def _spread(summary: dict[str, float] | None) -> str:
    if summary is None:
        return "–"
    middle, low, high = (100 * summary[key] for key in ("median", "min", "max"))
    return f"{middle:.1f} [{low:.1f}, {high:.1f}]"


def _write(lines: list[list[str]]) -> None:
    sys.stdout.write("\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n\n")


if __name__ == "__main__":
    main()
