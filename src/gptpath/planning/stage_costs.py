"""The price of each stage by formula, from parameters, corpus size and measured speed."""

from dataclasses import dataclass

from gptpath.config.params import Params
from gptpath.config.zeroshot import FINAL_ONLY, GENERATED, TEXTS
from gptpath.model.build import flops_per_token
from gptpath.planning.corpus import Corpus
from gptpath.planning.machine import Machine
from gptpath.planning.measure import Rates
from gptpath.planning.task_sizes import sequences_per_row, training_rows
from gptpath.train.memory import (
    PROCESS_BYTES,
    evaluation_bytes,
    expected_micro_batch,
    parameters,
    training_bytes,
)

START_SECONDS = 8.0
"""Python, torch and the tracking client, before a stage's own work."""
_ROOM_TO_USE = 0.8
"""Of all memory, for a micro-batch that the training will choose by itself."""
TASK_LENGTH = 0.5
"""Mean length of a task's sequence as a share of the context: an assumption."""
_INGEST_BYTES_PER_SECOND = 2.0e6
_TOKENIZER_BYTES_PER_SECOND = 6.0e6
_ENCODE_BYTES_PER_SECOND = 5.0e6
_OVERLAP_BYTES_PER_SECOND = 3.0e6
"""Rates of the data stages: from the ledger of a laptop run on two cores, rounded down."""
_INGEST_BYTES = 0.2e9
_WORKER_BYTES = 0.4e9
_BYTES_PER_DOCUMENT, _DOCUMENT_BYTES = 150.0, 5_000
"""Memory of ingest: main process, a worker, a document of this size (docs/corpus.md)."""
_FILTER_BYTES_PER_WORD, _WORD_BYTES = 38.3 / 8, 6
"""The Bloom filter of contamination; bytes of text that a word takes, its blank included."""
_CANDIDATES = dict.fromkeys(("race", "hellaswag", "arc-easy", "arc-challenge", "openbookqa"), 4)
_SEQUENCES = {
    "similarity": 2,
    "continuation": 4,
    "wording": 4,
    "cloze": 10,
    "winograd": 4,
    **_CANDIDATES,
}
"""Sequences scored per item of a task; 1 where none is given."""
_TEXT_TOKENS = {"ptb": 130_000, "ptb-valid": 120_000, "1bw": 280_000}
_OTHER_TEXT = 400_000
"""About the tokens of WikiText's test split; texts are read in two spellings at two strides."""
_WRITTEN = {"cnn-dailymail": 2 * 100, "coqa": 32, "natural-questions": 64}
"""Tokens written an item, and read again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageCost:
    """The price of one stage; zero where a quantity does not apply."""

    name: str
    """`stage` or `stage@item`."""
    tokens: float = 0.0
    """Tokens that models read, every pass counted."""
    flops: float = 0.0
    seconds: float
    memory_bytes: float = float(PROCESS_BYTES)
    """Host memory at its peak."""
    gpu_bytes: float = 0.0
    disk_bytes: float = 0.0
    """What stays on disk, the copy in DVC's cache not counted."""
    after: tuple[str, ...] = ()
    """Stages that must have ended."""
    basis: str = ""
    """Where the time comes from: `measured`, `estimated`, or an assumption."""


def data_stages(params: Params, machine: Machine, corpus: Corpus) -> tuple[StageCost, ...]:
    """Text to tokens: rates of bytes."""
    trained = params.tokenizer.kind == "trained"
    sample = min(corpus.text_bytes, params.tokenizer.sample_bytes) if trained else 0.0
    token_bytes = 2 if params.tokenizer.vocab_size <= 2**16 else 4
    assumed = "assumed rate"
    workers = 0 if params.parallel.engine == "dask" else params.parallel.workers or machine.cores
    documents = corpus.read_bytes / _DOCUMENT_BYTES
    return (
        StageCost(
            name="ingest",
            seconds=START_SECONDS + corpus.read_bytes / _INGEST_BYTES_PER_SECOND,
            memory_bytes=_INGEST_BYTES + workers * _WORKER_BYTES + documents * _BYTES_PER_DOCUMENT,
            disk_bytes=0.4 * corpus.text_bytes,
            basis=assumed,
        ),
        StageCost(
            name="tokenizer",
            seconds=START_SECONDS + sample / _TOKENIZER_BYTES_PER_SECOND,
            memory_bytes=PROCESS_BYTES + 4 * sample,
            disk_bytes=20.0 * params.tokenizer.vocab_size,
            after=("ingest",),
            basis=assumed,
        ),
        StageCost(
            name="encode",
            seconds=START_SECONDS + corpus.text_bytes / _ENCODE_BYTES_PER_SECOND,
            disk_bytes=corpus.tokens * token_bytes,
            after=("tokenizer",),
            basis=assumed,
        ),
    )


def pretrain(
    params: Params, name: str, machine: Machine, rates: Rates, corpus: Corpus
) -> StageCost:
    """Steps x batch x context tokens, and the held-out measurements at a third of the price."""
    config, recipe, speed = params.model_config(name), params.recipe(name), rates.training[name]
    trained = recipe.steps * recipe.batch_size_sequences * config.context_length
    measurements = recipe.steps // recipe.validate_every_steps + 2
    held_out = min(recipe.validation_tokens or corpus.validation_tokens, corpus.validation_tokens)
    measured = measurements * held_out + corpus.validation_tokens
    weights = 4 * parameters(config)
    # Processes on one CPU share it; each GPU adds its own speed.
    ranks = 1 if machine.gpu is None else params.launch.ranks
    device, bfloat16 = _kind(machine), _bfloat16(params, machine)
    room = _ROOM_TO_USE * (
        machine.memory_bytes if machine.gpu is None else machine.gpu_memory_bytes
    )
    sequences = expected_micro_batch(
        config,
        recipe,
        ranks=params.launch.ranks,
        room=room - PROCESS_BYTES,
        device=device,
        bfloat16=bfloat16,
    )
    need = training_bytes(
        config,
        sequences=sequences,
        device=device,
        bfloat16=bfloat16,
        recompute=recipe.recompute_activations,
    )
    return StageCost(
        name=f"pretrain@{name}",
        tokens=trained + measured,
        flops=flops_per_token(config) * (trained + measured / 3),
        seconds=START_SECONDS + (trained + measured / 3) / speed.tokens_per_second / ranks,
        **_memory(need, machine),
        disk_bytes=weights * (1 + recipe.published_checkpoints) + 3 * weights,
        after=("encode",),
        basis=_basis(rates, name),
    )


def finetune(params: Params, task: str, machine: Machine, rates: Rates) -> StageCost:
    """Every variant and seed: epochs of training, a validation after each, one test."""
    settings, train = params.finetune, training_rows(params, task)
    examples = params.ingest.task_examples  # of validation and test; a guess for published sets
    test = min(settings.max_test_examples or examples, examples)
    per_row = sequences_per_row(params, task)
    # Forward and backward on every training example, forward on validation and test after epochs.
    passes = settings.epochs * (train + test / 3) + test / 3
    tokens = flops = seconds = need = 0.0
    runs = (*settings.variants, *("transfer" for _ in settings.transfer_layers))
    for variant in runs:
        model = settings.lstm if variant == "lstm" else settings.pretrained
        config = params.model_config(model)
        length = TASK_LENGTH * config.context_length * per_row
        spent = len(settings.seeds) * passes * length
        tokens += spent
        flops += spent * flops_per_token(config)
        seconds += spent / rates.training[model].tokens_per_second
        sequences = settings.batch_size * per_row
        bytes_ = training_bytes(
            config, sequences=sequences, device=_kind(machine), bfloat16=_bfloat16(params, machine)
        )
        need = max(need, float(bytes_))
    weights = 4 * max(
        parameters(params.model_config(m)) for m in (settings.pretrained, settings.lstm)
    )
    return StageCost(
        name=f"finetune@{task}",
        tokens=tokens,
        flops=flops,
        seconds=START_SECONDS + seconds,
        **_memory(need, machine),
        disk_bytes=weights * len(settings.variants),
        after=tuple(f"pretrain@{model}" for model in (settings.pretrained, settings.lstm)),
        basis=_basis(rates, settings.pretrained),
    )


def zeroshot(
    params: Params, name: str, machine: Machine, rates: Rates, corpus: Corpus
) -> StageCost:
    """Every checkpoint reads every task once, forward only: a third of a training token."""
    settings, config = params.zeroshot, params.model_config(name)
    checkpoints = params.recipe(name).published_checkpoints + 1
    items = settings.max_items or params.ingest.task_examples
    length = TASK_LENGTH * config.context_length
    tokens = 0.0
    for task in settings.tasks:
        rounds = 1 if task in FINAL_ONLY else checkpoints
        if task == "heldout":
            spent = float(corpus.validation_tokens)
        elif task in TEXTS:
            spent = _TEXT_TOKENS.get(task, _OTHER_TEXT) * 2 * 3.0
        elif task == "tldr":
            spent = 2 * items * (length + settings.tldr_tokens)
        elif task in GENERATED:
            spent = items * (length + _WRITTEN.get(task, 100))
        else:
            spent = items * length * _SEQUENCES.get(task, 1)
        tokens += rounds * spent
    need = evaluation_bytes(config, sequences=settings.batch_size, device=_kind(machine))
    return StageCost(
        name=f"zeroshot@{name}",
        tokens=tokens,
        flops=tokens * flops_per_token(config) / 3,
        seconds=START_SECONDS + tokens / 3 / rates.training[name].tokens_per_second,
        **_memory(float(need), machine),
        disk_bytes=1e6,
        after=(f"pretrain@{name}",),
        basis=_basis(rates, name),
    )


def last_stages(params: Params, corpus: Corpus) -> tuple[StageCost, ...]:
    """What needs no model: contamination, scaling, report."""
    zeroshot = tuple(f"zeroshot@{name}" for name in params.matrix.models)
    finetune = tuple(f"finetune@{task}" for task in params.matrix.finetune_tasks)
    overlap = corpus.text_bytes / _OVERLAP_BYTES_PER_SECOND
    return (
        StageCost(
            name="contamination",
            seconds=START_SECONDS + overlap,
            memory_bytes=PROCESS_BYTES + corpus.text_bytes / _WORD_BYTES * _FILTER_BYTES_PER_WORD,
            after=("ingest",),
            basis="assumed rate",
        ),
        StageCost(name="scaling", seconds=START_SECONDS, after=zeroshot),
        StageCost(
            name="report",
            seconds=START_SECONDS,
            disk_bytes=5e5,
            after=("scaling", "contamination", *finetune),
        ),
    )


def _memory(need: float, machine: Machine) -> dict[str, float]:
    """Where a model's memory counts: on the GPU, or in the process."""
    if machine.gpu is None:
        return {"memory_bytes": PROCESS_BYTES + need, "gpu_bytes": 0.0}
    return {"memory_bytes": 3.0 * PROCESS_BYTES, "gpu_bytes": need}


def _kind(machine: Machine) -> str:
    return "cpu" if machine.gpu is None else "cuda"


def _bfloat16(params: Params, machine: Machine) -> bool:
    precision = params.compute.precision
    return precision == "bfloat16" or (precision == "auto" and machine.gpu is not None)


def _basis(rates: Rates, name: str) -> str:
    return "measured" if rates.training[name].measured else "estimated"
