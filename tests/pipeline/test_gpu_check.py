"""The check for GPU machines, on the CPU with tiny models and without the pipeline's libraries."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu_check.run import run_section, run_sections
from benchmarks.gpu_check.settings import Section, Settings, sections

ROOT = Path(__file__).parents[2]
ABSENT = ("prefect", "mlflow", "dvc", "polars", "pydantic", "ruamel", "rustbpe", "ftfy")


@pytest.fixture
def settings(tmp_path):
    return Settings(
        small=True, device="cpu", out=str(tmp_path), tokens=None, texts=None, nanogpt=None
    )


@pytest.mark.slow
def test_everything_is_checked_on_a_machine_without_the_pipelines_libraries(tmp_path):
    absent, out = tmp_path / "absent", tmp_path / "out"
    absent.mkdir()
    for name in ABSENT:
        (absent / f"{name}.py").write_text(f"raise ModuleNotFoundError({name!r})\n")
    paths = [str(absent), str(ROOT / "src"), str(ROOT)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_check", "--small", "--out", out],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((out / "gpu-check-cpu.json").read_text())["sections"]
    assert list(found) == [
        "machine",
        "parity",
        "corpus",
        "speed@gpt2_124m",
        "pretraining",
        "recovery",
        "ranks",
        "generation",
        "zeroshot",
    ]
    assert not any(section.get("skipped") for section in found.values())
    assert found["recovery"]["facts"]["killed and resumed is never killed: same bits"] is True
    ledger = json.loads((out / "ledger.json").read_text())
    assert ledger["tokens"] == found["pretraining"]["facts"]["curve"][-1]["tokens"]
    assert ledger["chosen"]["micro_batch_size_sequences"] >= 1
    assert "| gpt2_124m |" in (out / "gpu-check-cpu.md").read_text()


def test_a_section_that_takes_too_long_is_ended_and_fails(settings):
    settings.work.mkdir()
    found = run_section(settings, "machine", seconds=0.05)
    (check,) = found["checks"]
    assert not check["ok"]
    assert "took longer" in check["detail"]


def test_a_section_that_breaks_down_fails_and_the_next_one_runs(settings):
    settings.work.mkdir()
    section = {"seconds": 60, "least": 1}
    chosen = [Section(name=name, **section) for name in ("speed@nothing", "pretraining")]
    failed = run_sections(settings, chosen, seconds=100)
    assert len(failed) == 1
    assert "speed@nothing" in failed[0]
    assert "KeyError" in failed[0]
    whole = json.loads((Path(settings.out) / "gpu-check-unknown.json").read_text())
    assert whole["sections"]["pretraining"]["skipped"] == "there are no tokens to train on"


def test_without_time_left_a_section_is_skipped_with_a_sentence(settings):
    failed = run_sections(settings, [Section(name="machine", seconds=9, least=5)], seconds=1)
    assert not failed
    text = (Path(settings.out) / "gpu-check-unknown.md").read_text()
    assert "Skipped: 1 s were left, it needs 5 s." in text


def test_what_a_gpu_is_asked_comes_in_the_order_of_its_interest(settings):
    names = [one.name for one in sections(settings)]
    full = Settings(small=False, device="cuda", out="", tokens=None, texts=None, nanogpt=None)
    in_full = [one.name for one in sections(full)]
    assert set(names) < set(in_full)
    assert in_full.index("pretraining") < in_full.index("generation") < in_full.index("recovery")
    assert all((ROOT / f"benchmarks/gpu_check/{n.partition('@')[0]}.py").exists() for n in in_full)
