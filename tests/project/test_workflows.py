"""The workflow files fit GitHub's schema, and hold no logic that a person could not run."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()


def steps(path: Path) -> list[dict[str, Any]]:
    content = YAML(typ="safe").load(path.read_text())
    return [step for job in content["jobs"].values() for step in job["steps"]]


def commands(path: Path) -> list[str]:
    runs = (step["run"] for step in steps(path) if "run" in step)
    return [command.strip() for run in runs for command in run.split("&&")]


def test_there_are_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "retrain.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_fits_githubs_schema(path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    schema = ("--builtin-schema", "vendor.github-workflows")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_only_calls_what_a_person_can_call(path: Path) -> None:
    for command in commands(path):
        word = command.split()[0]
        if word == "make":
            assert re.search(rf"^{command.split()[1]}:", MAKEFILE, re.M), command
        elif word.startswith("ci/"):
            assert os.access(ROOT / word, os.X_OK), command
        else:
            assert word in ("echo", "gh"), command


def test_training_in_ci_can_use_the_documented_remote_on_s3() -> None:
    installs = [command for command in commands(WORKFLOWS[1]) if command.startswith("make ")]
    assert installs == ["make s3", "make s3"]
    recipe = MAKEFILE.partition("\n.venv/.installed-s3:")[2].partition("\n\n")[0]
    assert "-e '.[s3]'" in recipe


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_text_from_outside_is_pasted_into_a_command(path: Path) -> None:
    assert not [command for command in commands(path) if "${{" in command]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_unless_a_job_says_more(path: Path) -> None:
    content = YAML(typ="safe").load(path.read_text())
    assert content["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in content["jobs"].values())


@pytest.mark.parametrize("name", ["pull-request", "promote", "pull-data"])
def test_the_scripts_are_sound_bash(name: str) -> None:
    done = subprocess.run(["bash", "-n", str(ROOT / "ci" / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "set -euo pipefail" in (ROOT / "ci" / name).read_text()
