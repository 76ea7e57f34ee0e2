"""Results as JSON for machines and Markdown for people, under the chip's name."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.gpu_check.settings import Settings


def write_report(settings: Settings, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Write gpu-check-CHIP.json and .md into the folder of results."""
    machine = results.get("machine", {}).get("facts", {})
    chip = str(machine.get("chip", "unknown"))
    name = "gpu-check-" + re.sub(r"[^a-z0-9]+", "-", chip.lower()).strip("-")
    out = Path(settings.out)
    whole = {
        "chip": chip,
        "small": settings.small,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sections": results,
    }
    (out / f"{name}.json").write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    (out / f"{name}.md").write_text(_markdown(chip, results), encoding="utf-8")


def _markdown(chip: str, results: Mapping[str, Mapping[str, Any]]) -> str:
    parts = [f"# GPU check: {chip}", _speed_table(results)]
    for name, found in results.items():
        lines = [f"## {name} ({found.get('seconds', 0)} s)"]
        if found.get("skipped"):
            lines.append(f"Skipped: {found['skipped']}.")
        lines += [
            f"- {'ok' if check['ok'] else '**failed**'}: {check['name']}: {check['detail']}"
            for check in found["checks"]
        ]
        lines += [
            f"- {key}: {_short(value)}"
            for key, value in found["facts"].items()
            if not isinstance(value, list)
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(part for part in parts if part) + "\n"


def _speed_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (name.partition("@")[2], found["facts"])
        for name, found in results.items()
        if name.startswith("speed@") and "tokens_per_second" in found["facts"]
    ]
    if not rows:
        return ""
    lines = [
        "| model | micro-batch | tokens/s | MFU | share of matmul rate | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for size, facts in rows:
        memory = facts.get("peak_memory_bytes")
        lines.append(
            f"| {size} | {facts['micro_batch_size_sequences']} "
            f"| {facts['tokens_per_second']:,.0f} | {_share(facts['mfu'])} "
            f"| {_share(facts['share_of_matmul_rate'])} "
            f"| {f'{memory / 1e9:.1f} GB' if memory else '-'} |"
        )
    return "\n".join(lines)


def _share(value: float | str) -> str:
    return value if isinstance(value, str) else f"{100 * value:.1f} %"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in value.items()})
    return str(value)
