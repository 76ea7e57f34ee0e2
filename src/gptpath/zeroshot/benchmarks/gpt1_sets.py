"""Readers of GPT-1's zero-shot sets: CoLA, RACE, DPRD. SST-2 is a table with a header."""

import json
from pathlib import Path
from typing import Any

from gptpath.zeroshot.benchmarks.files import read_rows, read_text


def read_cola(path: Path) -> list[dict[str, Any]]:
    """Rows of `text`, `label` (1 acceptable) and `id`: four columns without a header."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(read_text(path).splitlines()):
        parts = line.split("\t")
        row: dict[str, Any] = {"id": f"{path.name.partition('.')[0]}-{number:05d}"}
        if len(parts) == 4 and parts[1] in ("0", "1"):
            row |= {"text": parts[3], "label": int(parts[1])}
        rows.append(row)
    return rows


def read_race(path: Path) -> list[dict[str, Any]]:
    """Rows of `article`, `question`, `options`, `answer` (a letter), `id`, `level`.

    From a file with one question a line, or from the published folder of one passage a file.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.txt"))
        return [row for file in files for row in _passage(file)]
    rows = read_rows(path)
    for row in rows:
        row["level"] = "high" if str(row.get("example_id", "")).startswith("high") else "middle"
    return rows


def _passage(file: Path) -> list[dict[str, Any]]:
    try:
        values = json.loads(read_text(file))
        return [
            {
                "id": f"{file.parent.name}/{file.stem}#{n}",
                "level": file.parent.name,
                "article": values["article"],
                "question": question,
                "options": options,
                "answer": answer,
            }
            for n, (question, options, answer) in enumerate(
                zip(values["questions"], values["options"], values["answers"], strict=True)
            )
        ]
    except (ValueError, KeyError, TypeError):
        return [{"id": f"{file.parent.name}/{file.stem}"}]


def read_pronouns(path: Path) -> list[dict[str, Any]]:
    """Rows of `sentence`, `pronoun`, `candidates`, `answer`, `id`: blocks of four lines."""
    blocks = read_text(path).replace("\r\n", "\n").strip("\n").split("\n\n")
    rows: list[dict[str, Any]] = []
    for number, block in enumerate(blocks):
        row: dict[str, Any] = {"id": f"{number:05d}"}
        lines = [line.strip() for line in block.split("\n")]
        if len(lines) == 4:
            row |= {
                "sentence": lines[0],
                "pronoun": lines[1],
                "candidates": [name.strip() for name in lines[2].split(",")],
                "answer": lines[3],
            }
        rows.append(row)
    return rows
