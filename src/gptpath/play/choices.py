"""Which models the page offers: those of the registry, or the folders of the checkout."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gptpath.config.loading import load_params
from gptpath.tracking.registry import registered_models, resolve_model
from gptpath.tracking.store import tracking_is_on

FIRST_ALIASES = ("champion", "challenger")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelChoice:
    """A model that the page can load."""

    label: str
    """What people read: `gpt2-laptop-l, champion (version 3)`."""
    address: str
    """A registry address of one version, or a folder."""
    classifies: bool
    """Labels texts; else it continues prompts."""

    def folder(self, root: Path) -> Path:
        """Where its files lie, fetched if need be; PipelineError if the registry lacks it."""
        if self.address.startswith("models:"):
            return resolve_model(root, self.address)
        return Path(self.address)


def model_choices(root: Path, wanted: str | None = None) -> list[ModelChoice]:
    """Models to choose from: champions first, of them the largest model of `scaling.models`.

    `wanted`, a folder or a registry address, comes before them all.

    Without tracking, or with nothing in the registry, those of the checkout's own folders.
    """
    named = [] if wanted is None else [_named(root, wanted)]
    return named + ((_registered(root) if tracking_is_on() else []) or _in_checkout(root))


def _named(root: Path, wanted: str) -> ModelChoice:
    choice = ModelChoice(label=wanted, address=wanted, classifies=False)
    classifies = (choice.folder(root) / "classifier.json").is_file()
    return ModelChoice(label=wanted, address=wanted, classifies=classifies)


def _registered(root: Path) -> list[ModelChoice]:
    largest = f"gptpath-{load_params(root / 'params.yaml').scaling.models[-1]}"
    found = sorted(
        registered_models(root),
        key=lambda one: (_rank(one.aliases), one.name != largest, one.name),
    )
    return [
        ModelChoice(
            label=f"{one.name.removeprefix('gptpath-')}, "
            + (f"{' and '.join(one.aliases)} " if one.aliases else "")
            + f"(version {one.version})",
            address=f"models:/{one.name}/{one.version}",
            classifies=one.classifies,
        )
        for one in found
    ]


def _rank(aliases: Sequence[str]) -> int:
    ranks = [place for place, alias in enumerate(FIRST_ALIASES) if alias in aliases]
    return min(ranks, default=len(FIRST_ALIASES))


def _in_checkout(root: Path) -> list[ModelChoice]:
    models = root / "models"
    folders = [*models.glob("pretrained/*"), *models.glob("finetuned/*/*")]
    return [
        ModelChoice(
            label=folder.relative_to(models).as_posix(),
            address=str(folder),
            classifies=(folder / "classifier.json").is_file(),
        )
        for folder in sorted(folders)
        if (folder / "model.safetensors").is_file()
    ]
