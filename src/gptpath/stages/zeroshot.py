"""Stage `zeroshot@MODEL`: tasks without training over the published checkpoints of one model.

GPT-1 Fig. 2 (right) and GPT-2 sec. 3. Reads models/pretrained/MODEL, data/tokens, data/tasks and
zeroshot.benchmarks_dir; writes metrics/zeroshot/MODEL/{results.json,items.parquet}.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gptpath.config.zeroshot import FINAL_ONLY
from gptpath.errors import ConfigError
from gptpath.events import Evaluated, Progress
from gptpath.model.build import count_parameters, flops_per_token
from gptpath.model.device import configure, resolve_device
from gptpath.model.folder import load_config, load_model, published_steps
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.json_files import write_json
from gptpath.tokens.encoding import load_encoding
from gptpath.zeroshot.intervals import Resampling
from gptpath.zeroshot.item_files import write_items
from gptpath.zeroshot.results import ItemRecord, Reporter, Score
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.suite import AbsentError, Sources, Task, prepare
from gptpath.zeroshot.summary import SummarySettings

logger = logging.getLogger(__name__)


def run(context: StageContext) -> StageOutcome:
    """Ask every checkpoint of model `context.item` all tasks of zeroshot.tasks.

    Raises:
        ConfigError: the stage was started without a model.
        CheckpointError, TokenError, CorpusError: an input is missing or damaged; a benchmark that
            is merely absent is listed under `absent` instead.
    """
    if context.item is None:
        raise ConfigError("gptpath zeroshot needs a model: one of matrix.models")
    configure(context.params.compute.threads)
    folder = context.path("models", "pretrained", context.item)
    config = load_config(folder)
    tasks, absent = _prepare_all(context, folder)
    asked = _ask_all(context, folder, tasks)
    step_tokens = context.params.recipe(context.item).batch_size_sequences * config.context_length
    out = context.path("metrics", "zeroshot", context.item)
    write_items(out, asked[-1].records)
    write_json(
        out / "results.json",
        {
            "model": context.item,
            "family": config.family,
            "parameters": asked[-1].parameters,
            "checkpoints": [
                {
                    "step": each.step,
                    "tokens": each.step * step_tokens,
                    "scores": [asdict(score) for score in each.scores],
                }
                for each in asked
            ],
            "absent": absent,
            "resampling": asdict(_resampling(context)),
            "malformed": {task.name: dict(task.malformed) for task in tasks},
            "final_only": [task.name for task in tasks if task.name in FINAL_ONLY],
        },
    )
    tokens = sum(each.tokens for each in asked)
    # flops_per_token counts forward and backward; a forward pass alone is a third of it.
    return StageOutcome(
        metrics=_values(asked[-1].scores),
        tokens=tokens,
        flops=tokens * flops_per_token(config) / 3,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One checkpoint and its answers."""

    step: int
    parameters: int
    scores: list[Score]
    records: list[ItemRecord]
    tokens: int
    """Positions run through the model."""


def _ask_all(context: StageContext, folder: Path, tasks: Sequence[Task]) -> list[Asked]:
    """Ask every published checkpoint in turn, the finished model last."""
    steps = published_steps(folder)
    rounds = [[t for t in tasks if step == steps[-1] or t.name not in FINAL_ONLY] for step in steps]
    total = sum(map(len, rounds))
    asked: list[Asked] = []
    for step, of_step in zip(steps, rounds, strict=True):
        done = sum(map(len, rounds[: len(asked)]))

        def on_task(count: int, before: int = done) -> None:
            context.emit(Progress(done=before + count, total=total, what="tasks"))

        asked.append(_ask(context, folder, step, of_step, on_task))
        context.emit(Evaluated(step=step, values=_values(asked[-1].scores)))
    return asked


def _ask(
    context: StageContext,
    folder: Path,
    step: int,
    tasks: Sequence[Task],
    on_task: Callable[[int], None],
) -> Asked:
    compute, settings = context.params.compute, context.params.zeroshot
    model = load_model(folder, step=step, device=resolve_device(compute.device))
    scorer = Scorer(
        model,
        load_encoding(folder / "tokenizer"),
        batch_size=settings.batch_size,
        precision=compute.precision,
    )
    scores: list[Score] = []
    records: list[ItemRecord] = []
    for count, task in enumerate(tasks, start=1):
        result = task.score(scorer, Reporter(task=task.name, resampling=_resampling(context)))
        scores += result.scores
        records += result.records
        on_task(count)
    return Asked(
        step=step,
        parameters=count_parameters(model),
        scores=scores,
        records=records,
        tokens=scorer.tokens,
    )


def _resampling(context: StageContext) -> Resampling:
    return Resampling(samples=context.params.zeroshot.bootstrap_samples, seed=context.params.seed)


def _prepare_all(context: StageContext, folder: Path) -> tuple[list[Task], dict[str, str]]:
    settings = context.params.zeroshot
    sources = Sources(
        tokens=context.path("data", "tokens"),
        tasks=context.path("data", "tasks"),
        benchmarks=context.path(settings.benchmarks_dir),
        encoding=load_encoding(folder / "tokenizer"),
        context_length=load_config(folder).context_length,
        max_items=settings.max_items,
        seed=context.params.seed,
        prompts=settings.prompts,
        summaries=SummarySettings(
            max_new_tokens=settings.tldr_tokens,
            top_k=settings.tldr_top_k,
            seed=context.params.seed,
        ),
    )
    tasks: list[Task] = []
    absent: dict[str, str] = {}
    for name in settings.tasks:
        try:
            tasks.append(prepare(name, sources))
        except AbsentError as reason:
            absent[name] = str(reason)
            logger.warning("zero-shot task %s is absent: %s", name, reason)
            continue
        if tasks[-1].malformed:
            logger.warning("zero-shot task %s: malformed rows %s", name, dict(tasks[-1].malformed))
    return tasks, absent


def _values(scores: Sequence[Score]) -> dict[str, float]:
    return {f"zeroshot/{score.task}/{score.metric}": score.value for score in scores}
