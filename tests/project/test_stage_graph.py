"""dvc.yaml against the code: names rhyme, dependencies are exactly what the code imports."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gptpath.cli import STAGES

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
DVC_STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]

# Floors that decide no stage's result: parameters reach DVC by value, records are not results.
NOT_FOLLOWED = ("gptpath.errors", "gptpath.events", "gptpath.config", "gptpath.stages.context")


def module_file(name: str) -> Path | None:
    path = SOURCE.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


def imports_of(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("gptpath.") and module_file(name)}


def reachable_files(stage: str) -> set[Path]:
    seen: set[str] = set()
    queue = [f"gptpath.stages.{stage}"]
    while queue:
        name = queue.pop()
        if name in seen or name.startswith(NOT_FOLLOWED):
            continue
        seen.add(name)
        file = module_file(name)
        assert file is not None
        queue.extend(imports_of(file))
    files = {file for name in seen if (file := module_file(name))}
    return {file for file in files if imports_of(file) or file.name != "__init__.py"}


def code_dependencies(stage: str) -> set[Path]:
    return {ROOT / dep for dep in DVC_STAGES[stage]["deps"] if dep.startswith("src/")}


def test_the_stages_of_dvc_and_of_the_command_line_are_the_same_in_the_same_order() -> None:
    assert list(DVC_STAGES) == list(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_rhymes_with_its_command_and_its_module(stage: str) -> None:
    item, _ = STAGES[stage]
    argument = f" ${{item.{item.lower()}}}" if item else ""
    assert DVC_STAGES[stage]["cmd"] == f"gptpath {stage}{argument}"
    assert (SOURCE / "gptpath" / "stages" / f"{stage}.py").is_file()


@pytest.mark.parametrize("stage", STAGES)
def test_every_module_a_stage_imports_is_a_dependency(stage: str) -> None:
    declared = code_dependencies(stage)
    missing = {
        str(file.relative_to(ROOT))
        for file in reachable_files(stage)
        if not any(file == dep or dep in file.parents for dep in declared)
    }
    assert not missing


@pytest.mark.parametrize("stage", STAGES)
def test_every_code_dependency_of_a_stage_is_imported_by_it(stage: str) -> None:
    files = reachable_files(stage)
    followed = {d for d in code_dependencies(stage) if "config" not in d.parts}
    idle = {d for d in followed if not any(f == d or d in f.parents for f in files)}
    assert not idle


def test_pretraining_is_stale_when_a_preset_changes() -> None:
    deps = DVC_STAGES["pretrain"]["deps"]
    assert {"src/gptpath/config/model.py", "src/gptpath/config/presets.py"} <= set(deps)


def test_fine_tuning_is_stale_when_a_labelled_file_changes() -> None:
    stage = DVC_STAGES["finetune"]
    assert {"data/tasks", "${zeroshot.benchmarks_dir}", "${data_sets.folder}"} <= set(stage["deps"])
    assert {"data_sets", "zeroshot.benchmarks_dir"} <= set(stage["params"])


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "report"])
def test_every_stage_writes_a_ledger_entry_on_which_only_the_report_depends(stage: str) -> None:
    item, _ = STAGES[stage]
    name = f"ledger/{stage}/${{item.{item.lower()}}}.json" if item else f"ledger/{stage}.json"
    assert name in DVC_STAGES[stage]["outs"]
    readers = {s for s, entry in DVC_STAGES.items() if "ledger" in entry["deps"]}
    assert readers == {"report"}


@pytest.mark.parametrize("stage", STAGES)
def test_no_output_resumes_from_the_wrong_state_after_a_parameter_change(stage: str) -> None:
    for out in DVC_STAGES[stage]["outs"]:
        assert isinstance(out, str), "`persist: true` would keep outputs across parameter changes"
