"""Readers of GPT-1's zero-shot sets: CoLA, RACE, DPRD. SST-2 is a table with a header.

Fine-tuning reads CoLA, SST-2 and RACE by readers of its own (`gptpath.finetune.suite`): here loose
rows under their place in the set, a damaged passage among the malformed ones; there rows named by
file and line, by which its splits are drawn, and a damaged file ends the stage.
"""

from pathlib import Path
from typing import Any

from gptpath.zeroshot.benchmarks.files import lines_of, parse_json, read_rows, read_text


def read_cola(path: Path) -> list[dict[str, Any]]:
    """Rows of `text`, `label` (1 acceptable) and `id`: four columns without a header."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines_of(read_text(path))):
        parts = line.split("\t")
        row: dict[str, Any] = {"id": f"{path.name.partition('.')[0]}-{number:05d}"}
        if len(parts) == 4 and parts[1] in ("0", "1"):
            row |= {"text": parts[3], "label": int(parts[1])}
        rows.append(row)
    return rows


def read_race(path: Path) -> list[dict[str, Any]]:
    """Rows of `article`, `question`, `options`, `answer` (a letter), `id`.

    From a file with one question a line, or from the published folder of one passage a file.
    """
    if path.is_dir():
        return [row for file in sorted(path.rglob("*.txt")) for row in _passage(file)]
    return read_rows(path)


def _passage(file: Path) -> list[dict[str, Any]]:
    try:
        values = parse_json(read_text(file))
        return [
            {
                "id": f"{file.parent.name}/{file.stem}#{n}",
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
