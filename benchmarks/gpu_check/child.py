"""The process of one section: calls the section's `run` and writes down what it returns."""

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu_check.settings import Settings

TO_ITS_END = "the section runs to its end"


class Findings:
    """What a section finds out, written after every addition: a late section keeps what it had."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self._end = path, time.monotonic() + seconds
        self.facts: dict[str, Any] = {}
        self.checks: list[dict[str, Any]] = []

    def seconds_left(self) -> float:
        """Time that the section still has."""
        return self._end - time.monotonic()

    def note(self, **facts: Any) -> None:
        """Add facts."""
        self.facts |= facts
        self._write()

    def check(self, name: str, ok: bool, detail: str) -> None:
        """Add a check; one that is not `ok` fails the whole run."""
        self.checks.append({"name": name, "ok": bool(ok), "detail": detail})
        self._write()

    def skip(self, why: str) -> None:
        """End the section before it has begun."""
        self._write(skipped=why)

    def _write(self, **more: Any) -> None:
        text = json.dumps({"facts": self.facts, "checks": self.checks} | more, default=str)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, self._path)


def earlier(settings: Settings, name: str) -> dict[str, Any]:
    """Facts of a section that has run before; empty if it has not."""
    path = settings.work / f"result-{name}.json"
    if not path.is_file():
        return {}
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["facts"]
    return facts


def main() -> None:
    order = json.loads(sys.argv[1])
    settings = Settings(**order["settings"])
    findings = Findings(Path(order["result"]), order["seconds"])
    module, _, item = order["name"].partition("@")
    section = importlib.import_module(f"benchmarks.gpu_check.{module}")
    try:
        section.run(settings, findings, item)
    except Exception as error:
        findings.check(TO_ITS_END, False, f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    main()
