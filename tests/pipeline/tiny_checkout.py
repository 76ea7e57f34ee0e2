"""A whole checkout of tiny size under git and DVC: real stages up to pretraining, on made-up books.

Every process of it is a real one; only sizes and the number of stages differ from a user's.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.books import write_books

ROOT = Path(__file__).parents[2]
STAGES = ("ingest", "tokenizer", "encode", "pretrain")
MODEL = "gpt1-laptop"
SHAPE = {"n_layer": 1, "n_head": 1, "n_embd": 16, "context_length": 32, "dropout": 0.0}
LSTM = {"n_embd": 8, "n_hidden": 8, "context_length": 32, "dropout": 0.0}
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b")


def make_checkout(folder: Path, books: int = 30, stages: Sequence[str] = STAGES) -> Path:
    """Write the checkout with one commit on the branch `main`, and return its folder."""
    folder.mkdir(parents=True)
    for name in ("flows", "tasks", "src", "ci"):
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg*")
            )
    for name in ("prefect.toml", ".gitignore", ".dvcignore", "requirements.lock", "params.yaml"):
        shutil.copy(ROOT / name, folder / name)
    _write_graph(folder, stages)
    change_params(folder, _shrink)
    write_books(folder / "data" / "raw", books)
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, sys.executable, "-m", "dvc", "init", "-q")
    commit(folder, "Start")
    return folder


def change_params(folder: Path, change: Any) -> None:
    """Apply a function to the values of params.yaml."""
    yaml = YAML()
    params = yaml.load((folder / "params.yaml").read_text())
    change(params)
    yaml.dump(params, folder / "params.yaml")


def set_recipe(folder: Path, **values: float) -> None:
    """Change the training recipe of the gated model."""
    change_params(folder, lambda params: params["models"][MODEL]["recipe"].update(values))


def commit(folder: Path, message: str) -> str:
    """Commit everything; returns the hash."""
    run(folder, "git", "add", "-A")
    run(folder, "git", *IDENTITY, "commit", "-q", "--allow-empty", "-m", message)
    return run(folder, "git", "rev-parse", "HEAD").stdout.strip()


def run(
    folder: Path, *command: str, check: bool = True, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout, with its own code and none of the outer settings."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder) | extra,
        capture_output=True,
        text=True,
        timeout=400,
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def environment(folder: Path) -> dict[str, str]:
    """Environment of the checkout's processes: its own code, this Python, no outer settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "MLFLOW_", "GPTPATH_", "GITHUB_"))
    }
    beside = os.path.dirname(sys.executable)
    return kept | {
        "PYTHONPATH": str(folder / "src"),
        "PATH": beside + os.pathsep + kept.get("PATH", os.defpath),
        "DVC_NO_ANALYTICS": "true",
    }


def _write_graph(folder: Path, stages: Sequence[str]) -> None:
    yaml = YAML()
    graph = yaml.load((ROOT / "dvc.yaml").read_text())
    graph["stages"] = {name: graph["stages"][name] for name in stages}
    for stage in graph["stages"].values():
        # The package is not installed beside this Python but lies in the checkout.
        stage["cmd"] = stage["cmd"].replace("gptpath", "python -m gptpath.cli", 1)
    yaml.dump(graph, folder / "dvc.yaml")


def _shrink(params: Any) -> None:
    params["matrix"] = {"models": [MODEL, "lstm-laptop"], "finetune_tasks": ["wording"]}
    params["compute"]["device"] = "cpu"
    params["ingest"].update(
        sources=[{"kind": "files", "part_chars": 1500}],
        validation_fraction=0.3,
        tasks_fraction=0.1,
    )
    params["tokenizer"]["vocab_size"] = 300
    params["pretrain"].update(
        steps=20,
        warmup_steps=2,
        learning_rate=0.01,
        log_every_steps=10,
        validate_every_steps=20,
        validation_tokens=500,
        checkpoint_every_steps=20,
        published_checkpoints=1,
    )
    params["models"] = {
        MODEL: {"preset": "gpt1_laptop", "shape": SHAPE, "recipe": {"steps": 40}},
        "lstm-laptop": {
            "preset": "lstm_laptop",
            "shape": LSTM,
            "recipe": {"steps": 2, "warmup_steps": 1},
        },
    }
    params["finetune"].update(pretrained=MODEL, lstm="lstm-laptop")
    params["scaling"]["models"] = [MODEL]
    params["gate"] = {"models": [MODEL], "min_items": 10, "samples": 200}
