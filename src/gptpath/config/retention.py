"""The section `retention` of params.yaml: what `gptpath gc` keeps."""

from dataclasses import dataclass, fields

from gptpath.config.sections import FORBID_UNKNOWN, require


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """Ages and counts beyond which nothing needs what is left over (docs/operations.md)."""

    keep_versions: int = 5
    """Newest versions of a registered model that stay; versions with an alias always do."""
    run_days: float = 30
    """Age, in days since its start, of MLflow runs that may go when nothing refers to them."""
    scratch_days: float = 7
    """Days without a change after which a broken-off stage's state may go."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        for field in fields(self):
            require(getattr(self, field.name) >= 0, f"retention.{field.name} is negative")
