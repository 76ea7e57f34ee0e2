"""Each task's name -> its data, read once, and the function that scores a model on it."""

import importlib.util

from gptpath.zeroshot import gpt1_tasks, gpt2_tasks, own_tasks
from gptpath.zeroshot.benchmarks import catalogue
from gptpath.zeroshot.prompt_items import present_form, read_prompt_items
from gptpath.zeroshot.prompting import score_prompts
from gptpath.zeroshot.prompts import read_task, shipped_task
from gptpath.zeroshot.sources import (
    AbsentError,
    Builder,
    Malformed,
    ScoreModel,
    Sources,
    Task,
    require_some,
)

__all__ = ["AbsentError", "Sources", "Task", "prepare"]

PACKAGES = {
    "tldr": "rouge_score",
    "cnn-dailymail": "rouge_score",
    "wmt14-en-fr": "sacrebleu",
    "wmt14-fr-en": "sacrebleu",
    "multi30k-en-fr": "sacrebleu",
    "multi30k-fr-en": "sacrebleu",
    "rouge": "rouge_score",
    "bleu": "sacrebleu",
}
"""What measures a task, or a metric of a prompt task; a bare machine may lack it."""

BUILDERS: dict[str, Builder] = {
    **own_tasks.BUILDERS,
    **gpt2_tasks.BUILDERS,
    **gpt1_tasks.BUILDERS,
}
"""All but the prompt tasks, which are data."""


def prepare(name: str, sources: Sources) -> Task:
    """Read the data of one task.

    Raises:
        AbsentError: there is none, or the package that measures the task is not installed.
        CorpusError, ConfigError: the data, or the file of a prompt task, is damaged.
    """
    _require_packages(name)
    if name in catalogue.FILES:
        reason = catalogue.absence(sources.benchmarks, name)
        if reason is not None:
            raise AbsentError(reason)
    score, malformed = BUILDERS.get(name, _prompt)(name, sources)
    return Task(name=name, score=score, malformed=malformed)


def _require_packages(*names: str) -> None:
    for name in names:
        package = PACKAGES.get(name)
        if package is not None and importlib.util.find_spec(package) is None:
            raise AbsentError(f"the package {package}, which measures it, is not installed")


def _prompt(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    own = sources.prompts.get(name)
    if own is None:
        task = shipped_task(name)
    else:
        task = read_task(sources.benchmarks / own) if isinstance(own, str) else own
    form = present_form(task, sources.benchmarks)
    if form is None:
        names = tuple(name for each in task.forms() for name in each.files)
        raise AbsentError(catalogue.missing(names))
    if form.score == "generation":
        _require_packages(*form.metrics)
    items, malformed = read_prompt_items(form, sources.benchmarks, sources.max_items)
    require_some(items, malformed, f"{name} in the folder of benchmarks")
    return lambda scorer, report: score_prompts(scorer, report, items, form), malformed
