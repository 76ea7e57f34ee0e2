"""Stage `pretrain`: next-token pretraining of one model (GPT-1 sec. 3.1, GPT-2 sec. 2).

Reads data/tokens and data/tokenizer; writes models/pretrained/MODEL and
metrics/pretrain/MODEL.json. State to resume from lies in the scratch folder until then.
"""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gptpath.errors import ConfigError
from gptpath.events import ModelFinished
from gptpath.model.build import (
    count_parameters,
    empty_model,
    flops_per_token,
    non_embedding_parameters,
)
from gptpath.model.device import configure, resolve_device, resolve_precision
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.finished import put_folder
from gptpath.text.json_files import write_json
from gptpath.train.attempts import costs
from gptpath.train.checkpoint import remove_states
from gptpath.train.job import TrainingJob, TrainingResult, train
from gptpath.train.micro_batch import recorded_choice
from gptpath.train.scratch import fingerprint, scratch_folder
from gptpath.train.stopping import stop_on_signals
from gptpath.train.torchrun import train_under_torchrun


def run(context: StageContext) -> StageOutcome:
    """Pretrain the model `context.item` of params.yaml, or finish a run that was broken off."""
    name, params = context.item, context.params
    if name is None or name not in params.models:
        raise ConfigError(f"no model {name!r} in params.yaml; known: {', '.join(params.models)}")
    configure(params.compute.threads)
    with (
        stop_on_signals() as stop,
        scratch_folder(
            context.scratch / "pretrain", _fingerprint(context, name), between=stop.check
        ) as scratch,
    ):
        job = _job(context, name, scratch)
        earlier = len(costs(scratch))
        if params.launch.ranks == 1:
            result = train(job, stop=stop, emit=context.emit)
        else:
            result = train_under_torchrun(job, params.launch, stop=stop, emit=context.emit)
        write_json(
            context.path("metrics", "pretrain", f"{name}.json"),
            _metrics(name, params.models[name].preset, job, result),
        )
        folder = context.path("models", "pretrained", name)
        remove_states(scratch)  # first: they would not bring back published checkpoints
        put_folder(scratch / "model", folder)
        attempts = [
            cost | {"earlier": place < earlier} for place, cost in enumerate(costs(scratch))
        ]
        micro_batch = recorded_choice(scratch)
        shutil.rmtree(scratch)
    final = result.final
    scores = {"loss": final.loss, "bpb": final.bpb, "perplexity": final.perplexity}
    context.emit(ModelFinished(name=name, path=folder, kind="language-model", metrics=scores))
    tokens = sum(attempt["tokens"] for attempt in attempts)
    return StageOutcome(
        metrics=scores,
        tokens=tokens,
        flops=float(tokens * flops_per_token(job.config)),
        attempts=attempts,
        chosen={} if micro_batch is None else {"micro_batch_size_sequences": micro_batch},
    )


def _fingerprint(context: StageContext, name: str) -> str:
    """Hash of all that decides the result; state of another fingerprint is never resumed from."""
    params = context.params
    device = resolve_device(params.compute.device)
    index = context.path("data", "tokens", "index.json")
    return fingerprint(
        {
            "model": name,
            "config": asdict(params.model_config(name)),
            "recipe": asdict(params.recipe(name)),
            "seed": params.seed,
            "tokens": index.read_text(encoding="utf-8") if index.is_file() else None,
            "device": device.type,
            "precision": resolve_precision(device, params.compute.precision),
            "threads": params.compute.threads,
            "compile": params.compute.compile,
        }
    )


def _job(context: StageContext, name: str, scratch: Path) -> TrainingJob:
    params = context.params
    return TrainingJob(
        config=params.model_config(name),
        recipe=params.recipe(name),
        seed=params.seed,
        compute=params.compute,
        strategy=params.launch.strategy,
        tokens=context.path("data", "tokens"),
        tokenizer=context.path("data", "tokenizer"),
        scratch=scratch,
    )


def _metrics(name: str, preset: str, job: TrainingJob, result: TrainingResult) -> dict[str, Any]:
    config, model = job.config, empty_model(job.config)
    tokens = result.step * job.recipe.batch_size_sequences * config.context_length
    return {
        "model": name,
        "preset": preset,
        "family": config.family,
        "parameters": count_parameters(model),
        "non_embedding_parameters": non_embedding_parameters(model),
        "flops_per_token": flops_per_token(config),
        "tokens": tokens,
        "flops": tokens * flops_per_token(config),
        **asdict(result.history),
        "final": asdict(result.final) | {"perplexity": result.final.perplexity},
    }
