"""One pretraining as data: what every process that takes part in it has to know."""

import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from gptpath.config.launch import Strategy
from gptpath.config.model import ModelConfig
from gptpath.config.params import Recipe
from gptpath.config.sections import Compute
from gptpath.errors import TokenError
from gptpath.events import CheckpointSaved, Emit, Event, StepFinished
from gptpath.model.build import build_model
from gptpath.model.device import resolve_precision
from gptpath.model.folder import save_model
from gptpath.tokens.encoding import load_encoding, token_byte_lengths
from gptpath.tokens.shards import TokenSplit, open_split
from gptpath.train.attempts import Attempt
from gptpath.train.batches import Batches
from gptpath.train.checkpoint import History
from gptpath.train.loop import Trainer
from gptpath.train.micro_batch import search_micro_batch, settle_micro_batch
from gptpath.train.parallel import ALONE, Parallel, rank_device, whole_model
from gptpath.train.stopping import StopSignal
from gptpath.train.validation import Score, Validation


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingJob:
    """Everything that decides a pretraining, and where its files are."""

    config: ModelConfig
    recipe: Recipe
    seed: int
    compute: Compute
    strategy: Strategy
    tokens: Path
    """Folder of the token shards."""
    tokenizer: Path
    scratch: Path
    """Folder for resumable states, costs and the finished model, seen by all ranks."""

    def write(self, path: Path) -> None:
        """Write the job for other processes to read."""
        path.write_text(json.dumps(asdict(self), default=str), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "TrainingJob":
        """Read what `write` has written."""
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            config=ModelConfig(**values["config"]),
            recipe=Recipe(**values["recipe"]),
            seed=values["seed"],
            compute=Compute(**values["compute"]),
            strategy=values["strategy"],
            tokens=Path(values["tokens"]),
            tokenizer=Path(values["tokenizer"]),
            scratch=Path(values["scratch"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingResult:
    """What came out of a pretraining besides the model in `scratch/model`."""

    step: int
    final: Score
    history: History

    def write(self, path: Path) -> None:
        """Write the result for another process to read."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "TrainingResult":
        """Read what `write` has written."""
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            step=values["step"],
            final=Score(**values["final"]),
            history=History(**values["history"]),
        )


def train(
    job: TrainingJob, *, stop: StopSignal, emit: Emit, parallel: Parallel = ALONE
) -> TrainingResult:
    """Train, or go on from the newest state, and leave the finished model in `scratch/model`.

    Raises:
        TrainingError: if loss or gradient stop being finite numbers.
        StopRequested: after a checkpoint, when told to stop.
    """
    tokens_per_step = job.recipe.batch_size_sequences * job.config.context_length
    attempt = Attempt(job.scratch, parallel, tokens_per_step=tokens_per_step)
    data = parallel.agree(lambda: _open_data(job, verify=parallel.rank == 0))
    job = _settled(job, parallel)

    def note_and_emit(event: Event) -> None:
        if isinstance(event, StepFinished):
            attempt.note_sometimes(event.step - trainer.resumed_at)
        elif isinstance(event, CheckpointSaved):
            attempt.note(trainer.step - trainer.resumed_at)
        emit(event)

    trainer = _trainer(job, data, stop=stop, emit=note_and_emit, parallel=parallel)
    try:
        final = trainer.run()
    finally:
        attempt.note(trainer.step - trainer.resumed_at)
    model = whole_model(trainer.model, parallel)
    if model is not None:
        save_model(job.scratch / "model", model, step=trainer.step, tokenizer_folder=job.tokenizer)
    return TrainingResult(step=trainer.step, final=final, history=trainer.history)


def _open_data(job: TrainingJob, *, verify: bool) -> tuple[TokenSplit, TokenSplit]:
    """Training and held-out tokens; TokenError if they are missing, damaged or of another model."""
    train, held_out = (
        open_split(job.tokens, split, verify=verify) for split in ("train", "validation")
    )
    for tokens in (train, held_out):
        if tokens.vocab_size != job.config.vocab_size:
            raise TokenError(
                f"data/tokens has a vocabulary of {tokens.vocab_size}, params.yaml asks for "
                f"{job.config.vocab_size}; run `gptpath tokenizer` and `gptpath encode` again"
            )
    return train, held_out


def _settled(job: TrainingJob, parallel: Parallel) -> TrainingJob:
    """The job with its micro-batch chosen, if its recipe leaves the choice to us."""
    search = partial(
        search_micro_batch,
        config=job.config,
        recipe=job.recipe,
        device=rank_device(job.compute.device, parallel.local_rank),
        precision=job.compute.precision,
        strategy=job.strategy,
        ranks=parallel.ranks,
    )
    return replace(job, recipe=settle_micro_batch(job.recipe, job.scratch, parallel, search))


def _trainer(
    job: TrainingJob,
    data: tuple[TokenSplit, TokenSplit],
    *,
    stop: StopSignal,
    emit: Emit,
    parallel: Parallel,
) -> Trainer:
    recipe, micro = job.recipe, job.recipe.micro_batch_size_sequences
    assert micro != "auto", "chosen before the trainer is built"
    device = rank_device(job.compute.device, parallel.local_rank)
    precision = resolve_precision(device, job.compute.precision)
    train_split, held_out = data
    return Trainer(
        model=build_model(job.config, seed=job.seed).to(device),
        recipe=recipe,
        batches=Batches(
            train_split,
            context_length=job.config.context_length,
            batch_size=recipe.batch_size_sequences,
            seed=job.seed,
        ),
        validation=Validation(
            split=held_out,
            token_bytes=token_byte_lengths(load_encoding(job.tokenizer)),
            batch_size=micro or recipe.batch_size_sequences,
            precision=precision,
        ),
        seed=job.seed,
        precision=precision,
        compile=job.compute.compile,
        repeatable=job.compute.repeatable,
        scratch=job.scratch,
        stop=stop,
        emit=emit,
        parallel=parallel,
    )
