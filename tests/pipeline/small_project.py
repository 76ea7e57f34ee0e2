"""A small checkout for the pipeline tests: the real flow, tasks and runner; stages of no work."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

DVC_YAML = """
stages:
  ingest:
    cmd: python work.py ingest
    deps: [raw.txt]
    params: [seed, ingest.cleaning.min_chars]
    outs: [data/corpus.txt, ledger/ingest.json]
  pretrain:
    matrix:
      model: [gpt2-laptop-m, gpt2-laptop-s]
    cmd: python work.py pretrain ${item.model}
    deps: [data/corpus.txt]
    params: [pretrain.steps, "models.${item.model}"]
    outs: ["models/${item.model}.txt", "ledger/pretrain/${item.model}.json"]
  report:
    cmd: python work.py report
    deps: [models, ledger]
    params: [profile]
    outs: [reports/index.html]
"""

WORK = '''
"""Stands for `gptpath`: the real runner on stages that take no time."""
import os, sys, time, types
from pathlib import Path

from gptpath.errors import CorpusError, GptPathError
from gptpath.events import Evaluated, Progress, StepFinished
from gptpath.stages.context import StageOutcome

OUT = {"ingest": "data/corpus.txt", "report": "reports/index.html"}
IN = {"ingest": "raw.txt", "report": "models/gpt2-laptop-s.txt"}


def run(context):
    out = OUT.get(STAGE) or f"models/{context.item}.txt"
    text = context.path(IN.get(STAGE, "data/corpus.txt")).read_text()
    if "broken" in text and STAGE == "pretrain" and context.item == "gpt2-laptop-s":
        raise CorpusError("the text is broken; expected whole words; mend raw.txt")
    for step in range(1, 4):
        context.emit(Progress(done=step, total=3, what="files"))
        context.emit(StepFinished(step=step, total_steps=3, tokens=step * 10, loss=4.0 / step,
                     learning_rate=1e-3, grad_norm=1.0, tokens_per_second=10.0, seconds_left=1.0))
        while "endless" in text and STAGE == "pretrain":
            Path(f"{context.item}.pid").write_text(str(os.getpid()))
            time.sleep(0.05)
    context.emit(Evaluated(step=3, values={"validation/loss": 1.5}))
    path = context.path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + STAGE)
    return StageOutcome(metrics={"loss": 1.5}, tokens=30, flops=300.0)


STAGE = sys.argv[1]
module = types.ModuleType(f"gptpath.stages.{STAGE}")
module.run = run
sys.modules[module.__name__] = module

from gptpath.stages.runner import run_stage

try:
    run_stage(Path.cwd(), STAGE, sys.argv[2] if len(sys.argv) > 2 else None)
except GptPathError as error:
    sys.exit(f"gptpath {STAGE}: {error}")
'''


def make_project(folder: Path) -> Path:
    """Write the project, under git and DVC, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("flows", "tasks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "prefect.toml", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "work.py").write_text(WORK)
    (folder / "raw.txt").write_text("some words\n")
    for command in (
        ["git", "init", "-q"],
        [sys.executable, "-m", "dvc", "init", "-q"],
        ["git", "add", "-A"],
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "Start"],
    ):
        subprocess.run(command, cwd=folder, check=True, env=environment())
    return folder


def environment() -> dict[str, str]:
    """Environment of the project's processes: this checkout's package, no outer settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "MLFLOW_", "GPTPATH_"))
    }
    return kept | {"PYTHONPATH": str(ROOT / "src"), "DVC_NO_ANALYTICS": "true"}


def flow_command() -> list[str]:
    """The command that a person types."""
    return [sys.executable, "flows/research_path.py"]


def run_flow(project: Path) -> subprocess.CompletedProcess[str]:
    """Run the flow to its end."""
    return subprocess.run(
        flow_command(), cwd=project, env=environment(), capture_output=True, text=True, timeout=180
    )
