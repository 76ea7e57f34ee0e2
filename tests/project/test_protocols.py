"""docs/protocols.md explains every protocol and every task, and shipped tasks are all known."""

import re
from pathlib import Path

from gptpath.config.zeroshot import FINAL_ONLY, PROMPT_TASKS, ZEROSHOT_TASKS
from gptpath.zeroshot import prompts
from gptpath.zeroshot.benchmarks.catalogue import FILES
from gptpath.zeroshot.protocols import VERSIONS
from gptpath.zeroshot.suite import BUILDERS

ROOT = Path(__file__).parents[2]


def test_every_protocol_and_task_is_explained() -> None:
    words = set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", (ROOT / "docs/protocols.md").read_text()))
    assert not {*VERSIONS, *ZEROSHOT_TASKS} - words


def test_every_protocol_that_the_code_names_has_a_version_and_the_other_way_round() -> None:
    source = "".join(p.read_text() for p in (ROOT / "src/gptpath/zeroshot").glob("*.py"))
    used = set(re.findall(r'protocol=f?"([a-z0-9-]+)"', source))
    assert used <= set(VERSIONS)


def test_every_task_has_a_builder_and_the_shipped_files_are_the_prompt_tasks() -> None:
    assert set(BUILDERS) | set(PROMPT_TASKS) == set(ZEROSHOT_TASKS)
    assert set(FILES) | set(FINAL_ONLY) <= set(BUILDERS)
    folder = Path(prompts.__file__).parent
    assert {path.stem for path in folder.glob("*.yaml")} == set(PROMPT_TASKS)
