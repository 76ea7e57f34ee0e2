"""Stage `pretrain`: next-token pretraining of one model (GPT-1 sec. 3.1, GPT-2 sec. 2).

Reads data/tokens and data/tokenizer; writes models/pretrained/MODEL and
metrics/pretrain/MODEL.json. State to resume from lies in the scratch folder until then.
"""

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gptpath.config.model import ModelConfig
from gptpath.errors import ConfigError, TokenError
from gptpath.events import ModelFinished
from gptpath.model.build import (
    build_model,
    count_parameters,
    flops_per_token,
    non_embedding_parameters,
)
from gptpath.model.device import configure, resolve_device, resolve_precision
from gptpath.model.folder import save_model
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.json_files import write_json
from gptpath.tokens.encoding import load_encoding, token_byte_lengths
from gptpath.tokens.shards import TokenSplit, open_split
from gptpath.train.batches import Batches
from gptpath.train.checkpoint import remove_states
from gptpath.train.loop import Trainer
from gptpath.train.scratch import fingerprint, scratch_folder
from gptpath.train.stopping import StopSignal, stop_on_signals
from gptpath.train.validation import Score, Validation


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
        trainer = _trainer(context, name, scratch, stop)
        final = trainer.run()
        save_model(
            scratch / "model",
            trainer.model,
            step=trainer.step,
            tokenizer_folder=context.path("data", "tokenizer"),
        )
        write_json(
            context.path("metrics", "pretrain", f"{name}.json"),
            _metrics(name, params.models[name].preset, trainer, final),
        )
        folder = context.path("models", "pretrained", name)
        remove_states(scratch)  # first: they would not bring back published checkpoints
        _move(scratch / "model", folder)
        shutil.rmtree(scratch)
    scores = {"loss": final.loss, "bpb": final.bpb, "perplexity": final.perplexity}
    context.emit(ModelFinished(name=name, path=folder, kind="language-model", metrics=scores))
    tokens = trainer.tokens(trainer.step - trainer.resumed_at)
    return StageOutcome(
        metrics=scores,
        tokens=tokens,
        flops=float(tokens * flops_per_token(trainer.model.config)),
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


def _trainer(context: StageContext, name: str, scratch: Path, stop: StopSignal) -> Trainer:
    params = context.params
    config, recipe = params.model_config(name), params.recipe(name)
    device = resolve_device(params.compute.device)
    precision = resolve_precision(device, params.compute.precision)
    train, held_out = (_open(context, split, config) for split in ("train", "validation"))
    encoding = load_encoding(context.path("data", "tokenizer"))
    return Trainer(
        model=build_model(config, seed=params.seed).to(device),
        recipe=recipe,
        batches=Batches(
            train,
            context_length=config.context_length,
            batch_size=recipe.batch_size_sequences,
            seed=params.seed,
        ),
        validation=Validation(
            split=held_out,
            token_bytes=token_byte_lengths(encoding),
            batch_size=recipe.micro_batch_size_sequences or recipe.batch_size_sequences,
            precision=precision,
        ),
        seed=params.seed,
        precision=precision,
        compile=params.compute.compile,
        scratch=scratch,
        stop=stop,
        emit=context.emit,
    )


def _open(context: StageContext, split: str, config: ModelConfig) -> TokenSplit:
    tokens = open_split(context.path("data", "tokens"), split, verify=True)
    if tokens.vocab_size != config.vocab_size:
        raise TokenError(
            f"data/tokens has a vocabulary of {tokens.vocab_size}, params.yaml asks for "
            f"{config.vocab_size}; run `gptpath tokenizer` and `gptpath encode` again"
        )
    return tokens


def _metrics(name: str, preset: str, trainer: Trainer, final: Score) -> dict[str, Any]:
    config = trainer.model.config
    tokens = trainer.tokens(trainer.step)
    return {
        "model": name,
        "preset": preset,
        "family": config.family,
        "parameters": count_parameters(trainer.model),
        "non_embedding_parameters": non_embedding_parameters(trainer.model),
        "flops_per_token": flops_per_token(config),
        "tokens": tokens,
        "flops": tokens * flops_per_token(config),
        **asdict(trainer.history),
        "final": asdict(final) | {"perplexity": final.perplexity},
    }


def _move(finished: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)  # DVC removes it too; a run by hand does not
    os.replace(finished, folder)
