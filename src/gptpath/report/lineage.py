"""From every number back to data, code, configuration and compute: dvc.lock and the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptpath.report import numbers
from gptpath.report.numbers import MISSING, count
from gptpath.report.results import Record, Results
from gptpath.report.tables import Cell, Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Artefact:
    """A file or folder as DVC recorded it."""

    path: str
    md5: str
    """For a folder DVC's hash of its listing, which ends in `.dir`."""
    size: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StageLineage:
    """What one stage read, what it was told, and what it wrote."""

    name: str
    """DVC's name, `stage` or `stage@item`."""
    inputs: tuple[Artefact, ...]
    outputs: tuple[Artefact, ...]
    parameters: tuple[tuple[str, str], ...]


def read_lineage(lock: Path, results: Results) -> list[StageLineage]:
    """The stages behind `results` as dvc.lock holds them; empty if there is no such file.

    Entries of models and tasks that this run did not ask for are left out.
    """
    if not lock.is_file():
        return []
    from ruamel.yaml import YAML

    stages: Mapping[str, Any] = (YAML(typ="safe").load(lock) or {}).get("stages", {})
    items = {*results.models, *results.finetune}
    wanted = {
        name: entry
        for name, entry in stages.items()
        if name != "report" and ("@" not in name or name.split("@", 1)[1] in items)
    }
    return [
        StageLineage(
            name=name,
            inputs=_artefacts(entry.get("deps", [])),
            outputs=_artefacts(entry.get("outs", [])),
            parameters=_parameters(entry.get("params", {})),
        )
        for name, entry in wanted.items()
    ]


def compute_table(results: Results) -> Table:
    """What every stage took, and where it ran."""
    entries = _entries(results)
    machines = _machines(entries)
    longest = max((e.get("wall_seconds", 0.0) for e in entries), default=0.0)
    rows: list[tuple[str | Cell, ...]] = []
    for name in _expected_stages(results):
        entry = results.ledger.get(name)
        if entry is None:
            rows.append((name, "not recorded", *(MISSING,) * 8))
            continue
        wall, flops = entry.get("wall_seconds"), entry.get("flops")
        run, commit = entry.get("mlflow_run_id"), entry.get("git_commit")
        rows.append(
            (
                name,
                Cell(text=numbers.duration(wall), strong=wall == longest),
                numbers.duration(entry.get("cpu_seconds")),
                numbers.size(entry.get("peak_memory_bytes")),
                numbers.energy(entry.get("energy_joules")),
                numbers.short(entry.get("tokens")),
                numbers.flops(flops),
                numbers.flops(flops / wall) if flops and wall else MISSING,
                machines.get(_machine_text(entry), MISSING),
                Cell(
                    text=str(run)[:8] if run else MISSING, small=str(commit)[:8] if commit else ""
                ),
            )
        )
    rows.append(_total_row(results))
    sources = sorted({str(e["energy_source"]) for e in entries if e.get("energy_source")})
    energy = f"Energy from: {', '.join(sources)}." if sources else "No energy source was recorded."
    return Table(
        caption="What every stage took",
        columns=(
            "stage",
            "wall time",
            "CPU time",
            "peak memory",
            "energy",
            "tokens",
            "FLOPs",
            "FLOP/s",
            "machine",
            "MLflow run, commit",
        ),
        rows=tuple(rows),
        note=f"{energy} {'; '.join(f'{letter}: {text}' for text, letter in machines.items())}",
        words=("machine", "MLflow run, commit"),
    )


def lineage_table(stage: StageLineage) -> Table:
    """Inputs and outputs of one stage with their md5."""
    rows = tuple(
        (kind, artefact.path, artefact.md5, numbers.size(artefact.size))
        for kind, artefacts in (("in", stage.inputs), ("out", stage.outputs))
        for artefact in artefacts
    )
    settings = "; ".join(f"{key} = {value}" for key, value in stage.parameters)
    return Table(
        caption=f"Stage {stage.name}",
        columns=("", "path", "md5", "size"),
        rows=rows,
        note=f"Parameters: {settings}" if settings else "",
        words=("path", "md5"),
    )


def total(results: Results, key: str) -> float | None:
    """Sum of a ledger field over all stages; None if any stage lacks it as a number."""
    values = [results.ledger.get(name, {}).get(key) for name in _expected_stages(results)]
    if not values or any(not isinstance(value, int | float) for value in values):
        return None
    return float(sum(value for value in values if isinstance(value, int | float)))


def _total_row(results: Results) -> tuple[str | Cell, ...]:
    entries = _entries(results)
    flops = [e["flops"] for e in entries if e.get("flops")]
    tokens = [e["tokens"] for e in entries if e.get("tokens")]
    memory = [e["peak_memory_bytes"] for e in entries if e.get("peak_memory_bytes")]
    return (
        Cell(text="all stages", strong=True),
        numbers.duration(total(results, "wall_seconds")),
        numbers.duration(total(results, "cpu_seconds")),
        Cell(text=numbers.size(max(memory, default=None)), small="highest"),
        numbers.energy(total(results, "energy_joules")),
        numbers.short(sum(tokens)) if tokens else MISSING,
        numbers.flops(sum(flops)) if flops else MISSING,
        MISSING,
        "",
        count(len(entries)) + " runs",
    )


def _expected_stages(results: Results) -> list[str]:
    return [
        "ingest",
        "tokenizer",
        "encode",
        *(f"pretrain/{model}" for model in results.models),
        *(f"finetune/{task}" for task in results.finetune),
        *(f"zeroshot/{model}" for model in results.models),
        "contamination",
        "scaling",
    ]


def _entries(results: Results) -> list[Record]:
    """Ledgers of this run's stages; those of an earlier profile's models lie beside them."""
    return [results.ledger[name] for name in _expected_stages(results) if name in results.ledger]


def _machines(entries: Sequence[Record]) -> dict[str, str]:
    texts = dict.fromkeys(_machine_text(entry) for entry in entries)
    return {text: chr(ord("A") + index) for index, text in enumerate(t for t in texts if t)}


def _machine_text(entry: Record) -> str:
    machine: Mapping[str, Any] = entry.get("machine") or {}
    if not machine:
        return ""
    parts = (
        str(machine.get("cpu", "unknown processor")),
        f"{machine.get('cores', MISSING)} cores",
        f"{numbers.size(machine.get('memory_bytes'))} memory",
        *(str(gpu) for gpu in machine.get("gpus", [])),
    )
    return ", ".join(parts)


def _artefacts(entries: list[Mapping[str, Any]]) -> tuple[Artefact, ...]:
    return tuple(
        Artefact(path=str(e["path"]), md5=str(e.get("md5", MISSING)), size=e.get("size"))
        for e in entries
    )


def _parameters(files: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key, str(value)) for values in files.values() for key, value in sorted(values.items())
    )
