"""What the check is to do: its settings, its sections, and the sizes of its models."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from gptpath.config.model import ModelConfig
from gptpath.config.presets import PRESETS

SIZES = ("gpt2_124m", "gpt2_1558m", "gpt2_355m", "gpt2_774m")
"""In the order of their interest, should time run out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The same for all sections; paths are absolute."""

    small: bool
    device: Literal["cpu", "cuda"]
    out: str
    tokens: str | None
    texts: str | None
    nanogpt: str | None

    @property
    def work(self) -> Path:
        """Folder of everything that is not a result."""
        return Path(self.out) / "work"

    @property
    def token_folders(self) -> tuple[Path, Path]:
        """Token shards, and their tokenizer."""
        tokens = Path(self.tokens) if self.tokens else self.work / "data" / "tokens"
        return tokens, tokens.parent / "tokenizer"

    def shape(self, name: str, **changes: Any) -> ModelConfig:
        """Shape of a preset; with `small` a model of its depth's order that a CPU trains."""
        config = PRESETS[name]()
        if self.small:
            layers = 2 + SIZES.index(name) % 2
            changes = {"vocab_size": 512} | changes
            config = replace(config, n_layer=layers, n_head=2, n_embd=64, context_length=64)
        return replace(config, **changes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One part of the check, and the time it may take."""

    name: str
    """`MODULE` or `MODULE@ITEM`: a module of this package, whose `run` is called with the item."""
    seconds: float
    """Limit of its time."""
    least: float
    """With less time left than this it is skipped."""


def sections(settings: Settings) -> list[Section]:
    """All sections in the order in which they run."""
    if settings.small:
        names = ("machine", "parity", "corpus", "speed@gpt2_124m", "pretraining", "recovery")
        names += ("ranks", "generation", "zeroshot")
        return [Section(name=name, seconds=120, least=1) for name in names]
    return [
        Section(name="machine", seconds=40, least=10),
        Section(name="parity", seconds=60, least=20),
        Section(name="corpus", seconds=60, least=10),
        *(Section(name=f"speed@{size}", seconds=75, least=25) for size in SIZES),
        Section(name="pretraining", seconds=110, least=60),
        Section(name="generation", seconds=40, least=15),
        Section(name="recovery", seconds=170, least=60),
        Section(name="ranks", seconds=80, least=40),
        Section(name="zeroshot", seconds=75, least=30),
        *(Section(name=f"peers@{size}", seconds=120, least=40) for size in SIZES),
    ]
