"""Runs the sections one after another, each in its own process, and writes what they found."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.gpu_check.child import TO_ITS_END
from benchmarks.gpu_check.report import write_report
from benchmarks.gpu_check.settings import Section, Settings

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 3.0


def run_sections(settings: Settings, chosen: Sequence[Section], *, seconds: float) -> list[str]:
    """Run `chosen` within `seconds` in all; returns the checks that failed.

    A section that breaks down or takes too long is a failed check of its own.
    """
    deadline = time.monotonic() + seconds
    settings.work.mkdir(parents=True, exist_ok=True)
    for stale in settings.work.glob("result-*.json"):
        stale.unlink()
    results: dict[str, dict[str, Any]] = {}
    for section in chosen:
        left = deadline - time.monotonic()
        if left < section.least:
            results[section.name] = _skipped(f"{left:.0f} s were left, it needs {section.least} s")
        else:
            _say(f"{section.name} ...")
            start = time.monotonic()
            found = run_section(settings, section.name, seconds=min(section.seconds, left))
            results[section.name] = found | {"seconds": round(time.monotonic() - start, 1)}
        for line in _lines(results[section.name]):
            _say(f"  {line}")
        write_report(settings, results)
    return [
        f"{name}: {check['name']} ({check['detail']})"
        for name, found in results.items()
        for check in found["checks"]
        if not check["ok"]
    ]


def run_section(settings: Settings, name: str, *, seconds: float) -> dict[str, Any]:
    """Facts and checks of one section, from a process that has `seconds`."""
    result = settings.work / f"result-{name}.json"
    log = settings.work / f"log-{name}.txt"
    order = {"settings": asdict(settings), "name": name, "seconds": seconds, "result": str(result)}
    others = os.environ.get("PYTHONPATH", "")
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}{os.pathsep}{others}"
    }
    # A cache of its own: nothing that an earlier run has compiled makes this one faster.
    environment.setdefault("TORCHINDUCTOR_CACHE_DIR", str(settings.work / "compiled"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.gpu_check.child", json.dumps(order)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its own children end with it
        )
        late = _wait(process, seconds)
    found: dict[str, Any] = {"facts": {}, "checks": []}
    if result.is_file():
        found = json.loads(result.read_text(encoding="utf-8"))
    told = any(check["name"] == TO_ITS_END for check in found["checks"])
    if (late or process.returncode) and not told:
        why = f"took longer than {seconds:.0f} s" if late else f"ended with {process.returncode}"
        tail = " | ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
        found["checks"].append({"name": TO_ITS_END, "ok": False, "detail": f"{why}: {tail}"})
    return found


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Wait for a process, and end it and its children when it is late; whether it was."""
    late = False
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        for signum in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signum)
            if process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE_SECONDS)
    return late


def _skipped(why: str) -> dict[str, Any]:
    return {"facts": {}, "checks": [], "skipped": why}


def _lines(found: Mapping[str, Any]) -> list[str]:
    lines = [f"skipped: {found['skipped']}"] if found.get("skipped") else []
    lines += [
        f"{'ok  ' if check['ok'] else 'FAIL'} {check['name']}: {check['detail']}"
        for check in found["checks"]
    ]
    return lines


def _say(line: str) -> None:
    print(line, flush=True)
