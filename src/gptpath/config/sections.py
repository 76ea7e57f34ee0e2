"""The sections of params.yaml, one frozen dataclass each.

No third-party import here: training and evaluation build these on machines that have none of the
YAML tools. `gptpath.config.loading` fills them from a file.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from gptpath.errors import ConfigError

FORBID_UNKNOWN = {"extra": "forbid"}

FINETUNE_TASKS = (
    "package",
    "acceptability",
    "entailment",
    "summary",
    "similarity",
    "continuation",
    "wording",
)
"""Labelled tasks that `ingest` derives from held-out documents."""


def require(condition: bool, message: str) -> None:
    """Raise ConfigError with `message` unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


def require_least(section: str, settings: Any, **least: float) -> None:
    """Raise ConfigError unless each named setting is None or at least so much."""
    for name, bound in least.items():
        value = getattr(settings, name)
        require(
            value is None or value == "auto" or value >= bound,
            f"{section}.{name}={value} must be at least {bound}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Compute:
    """Where and how numbers are crunched."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes a CUDA device where there is one."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto` is bfloat16 autocast on CUDA and float32 on the CPU."""
    threads: int = 1
    """CPU threads of one stage. Part of the result: sums are split by it."""
    side_by_side: int = 2
    """Stages that the flow runs at once; does not change any result."""
    compile: bool = False
    """torch.compile the model for training."""
    repeatable: bool = True
    """On a GPU, train to the same bits at every run, killed and resumed or not, as a CPU always
    does; without, GPT-2 small trains about 7 % faster (docs/training.md)."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require(self.threads >= 1, f"compute.threads={self.threads} must be at least 1")
        require(self.side_by_side >= 1, "compute.side_by_side must be at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """The items of the matrix stages of dvc.yaml."""

    models: tuple[str, ...]
    """Keys of `models`, in the order in which the flow starts them (longest first)."""
    finetune_tasks: tuple[str, ...]
    """Labelled tasks to fine-tune on; see FINETUNE_TASKS."""
    __pydantic_config__ = FORBID_UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class Parallel:
    """Where the data stages spread their work; changes no result."""

    engine: Literal["local", "dask"] = "local"
    """`local` is a pool of processes; `dask` a cluster that runs already."""
    workers: int | None = None
    """Processes of `local`; None means one a core."""
    address: str | None = None
    """Scheduler of `dask`: `tcp://host:8786`."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require(
            self.workers is None or self.workers >= 1,
            f"parallel.workers={self.workers} must be at least 1",
        )
        if self.engine == "dask":
            require(
                bool(self.address) and self.workers is None,
                "parallel.engine=dask needs address, e.g. tcp://host:8786, and no workers: "
                "the cluster has as many as it has",
            )
        else:
            require(self.address is None, "parallel.address belongs to engine=dask; take it out")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokenizer:
    """Byte-level BPE trained on the train split (GPT-2 sec. 2.2), or a published one by name."""

    kind: Literal["trained", "gpt2", "gpt1"] = "trained"
    """`gpt2` and `gpt1` are the encoders that were published with those models' weights."""
    vocab_size: int
    """256 bytes + merges + end of text; 50,257 for `gpt2`, 40,478 for `gpt1`."""
    sample_bytes: int = 20_000_000
    """Most bytes of the train split that merges are learned from; idle for published kinds."""
    files: str | None = None
    """Folder of the published files: vocab.bpe and encoder.json (`gpt2`), vocab_40000.bpe and
    encoder_bpe_40000.json (`gpt1`), each plain or .gz. None lets tiktoken download `gpt2`."""
    words: Literal["spacy", "basic"] = "spacy"
    """How `gpt1` splits words: `spacy` as the released code does (needs the extra `gpt1`), `basic`
    as transformers' OpenAIGPTTokenizer does. Idle for other kinds."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require(
            257 <= self.vocab_size <= 2**32,
            f"tokenizer.vocab_size={self.vocab_size} must be at least 257 (bytes + end of text)",
        )
        require_least("tokenizer", self, sample_bytes=1)
        size = {"trained": self.vocab_size, "gpt2": 50_257, "gpt1": 40_478}[self.kind]
        require(
            self.vocab_size == size,
            f"tokenizer.vocab_size={self.vocab_size}, but kind={self.kind} has {size}; set it so",
        )
        if self.kind == "trained":
            require(
                self.files is None,
                f"tokenizer.files={self.files} belongs to kind gpt2 or gpt1; take it out",
            )
        if self.kind == "gpt1":
            require(
                self.files is not None,
                "tokenizer.kind=gpt1 needs tokenizer.files, the folder of vocab_40000.bpe and "
                "encoder_bpe_40000.json of openai/finetune-transformer-lm",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Encode:
    """How token shards are cut."""

    shard_tokens: int = 100_000_000
    """Most tokens per shard file."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require_least("encode", self, shard_tokens=1)


_LEAST: dict[str, float] = {
    "steps": 1,
    "batch_size_sequences": 1,
    "micro_batch_size_sequences": 1,
    "weight_decay": 0,
    "log_every_steps": 1,
    "validate_every_steps": 1,
    "validation_tokens": 1,
    "checkpoint_every_steps": 1,
    "kept_states": 1,
    "published_checkpoints": 0,
}
"""The least value of settings of a recipe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How one model is pretrained; `models.<name>.recipe` overrides single fields of `pretrain`."""

    steps: int
    """Optimiser steps."""
    batch_size_sequences: int
    """Sequences of context_length tokens per optimiser step, over all ranks."""
    micro_batch_size_sequences: int | Literal["auto"] | None = None
    """Sequences per forward pass; None means the whole batch at once, `auto` what memory holds."""
    recompute_activations: bool = False
    """Keep each block's input alone and compute the rest again: less memory, a third more work."""
    learning_rate: float
    """Peak learning rate."""
    min_learning_rate_fraction: float = 0.0
    """Where the cosine ends, as a share of the peak."""
    warmup_steps: int
    beta1: float = 0.9
    beta2: float = 0.999
    adam_eps: float = 1e-8
    weight_decay: float = 0.01
    """Decoupled, on matrices only (GPT-1 sec. 4.1: not on biases or gains)."""
    grad_clip: float | None = 1.0
    """Global norm; None leaves gradients as they are."""
    log_every_steps: int = 10
    validate_every_steps: int = 100
    validation_tokens: int | None = None
    """Held-out tokens used for each measurement during training; None means all of them."""
    checkpoint_every_steps: int = 100
    """How often the resumable state is written to the scratch folder."""
    kept_states: int = 2
    """Resumable states kept there, the newest ones; an older one serves if a newer is damaged."""
    published_checkpoints: int = 4
    """Checkpoints kept in the model folder besides the final one, log-spaced over the steps."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        micro = self.micro_batch_size_sequences
        if isinstance(micro, str):
            require(micro == "auto", f"micro_batch_size_sequences={micro!r}: give a number or auto")
        require_least("pretrain", self, **_LEAST)
        if isinstance(micro, int) and self.batch_size_sequences % micro:
            raise ConfigError(
                f"batch_size_sequences={self.batch_size_sequences} is not a multiple of "
                f"micro_batch_size_sequences={micro}"
            )
        require(
            0 <= self.warmup_steps <= self.steps,
            f"warmup_steps={self.warmup_steps} must lie between 0 and steps={self.steps}",
        )
        for name in ("learning_rate", "adam_eps"):
            value = getattr(self, name)
            require(0 < value < math.inf, f"{name}={value} must be positive and finite")
        require(
            self.grad_clip is None or self.grad_clip > 0,
            f"grad_clip={self.grad_clip} must be positive; null leaves gradients as they are",
        )
        for name in ("beta1", "beta2"):
            value = getattr(self, name)
            require(0 <= value < 1, f"pretrain.{name}={value} must be at least 0 and less than 1")
        least = self.min_learning_rate_fraction
        require(0 <= least <= 1, f"min_learning_rate_fraction={least} must lie between 0 and 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelEntry:
    """One model of the matrix: a preset, changed where `shape` and `recipe` say so."""

    preset: str
    shape: dict[str, Any] = field(default_factory=dict)
    """Fields of ModelConfig that differ from the preset; the vocabulary follows `tokenizer`."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """Fields of Recipe that differ from `pretrain`."""
    __pydantic_config__ = FORBID_UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class Contamination:
    """Overlap of test items with the training corpus (GPT-2 sec. 4)."""

    ngram_words: int = 8
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require_least("contamination", self, ngram_words=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """Fits of loss and scores against size."""

    models: tuple[str, ...]
    """Keys of `models` that differ in size alone, smallest first."""
    bootstrap_samples: int = 1000
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require_least("scaling", self, bootstrap_samples=1)
        require(
            bool(self.models),
            "scaling.models is empty; name one model at least: the largest is what `gptpath "
            "generate` and the page take where no other is named",
        )
