"""The few lines that a finished flow prints: what came out and where to look."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gptpath.config.loading import load_params


def results_table(root: Path) -> str:
    """Return the results under metrics/ as a short text table; empty when there are none.

    What lies there of an earlier profile, with other text and tokens, is left out.
    """
    matrix = load_params(root / "params.yaml").matrix
    parts = [_models(root, matrix.models), _finetuning(root, matrix.finetune_tasks)]
    return "\n\n".join(part for part in parts if part)


def where_to_look(root: Path) -> str:
    """Name the report page and the command that shows the runs."""
    page = root / "reports" / "index.html"
    lines = [f"Figures and tables: {page.relative_to(root)}"] if page.is_file() else []
    return "\n".join([*lines, "Runs and models:    make ui"])


def _models(root: Path, names: Sequence[str]) -> str:
    runs = _read_all(root / "metrics" / "pretrain", names)
    runs.sort(key=lambda run: run["final"]["loss"])
    rows = [
        (
            run["model"],
            f"{run['parameters']:,}",
            f"{run['final']['loss']:.3f}",
            f"{run['final']['bpb']:.3f}",
        )
        for run in runs
    ]
    return _table(("model", "parameters", "held-out loss", "bits per byte"), rows)


def _finetuning(root: Path, names: Sequence[str]) -> str:
    rows: list[tuple[str, ...]] = []
    for result in _read_all(root / "metrics" / "finetune", names):
        if "absent" in result:
            rows.append((result["task"], "absent", "-", "-", "-"))
            continue
        medians = {name: scores["median"] for name, scores in result["summary"].items()}
        scores = [
            f"{medians[name]:.3f}" if name in medians else "-"
            for name in ("full", "no-pretraining")
        ]
        rows.append((result["task"], result["metric"], *scores, f"{result['chance']:.3f}"))
    return _table(("task", "metric", "pretrained", "not pretrained", "chance"), rows)


def _read_all(folder: Path, names: Sequence[str]) -> list[Any]:
    paths = [folder / f"{name}.json" for name in sorted(names)]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    )
