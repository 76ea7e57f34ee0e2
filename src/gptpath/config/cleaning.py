"""The section `ingest.cleaning` of params.yaml."""

from dataclasses import dataclass

from gptpath.config.sections import FORBID_UNKNOWN, require


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaning:
    """What texts must be like to be kept."""

    min_chars: int = 200
    max_chars: int = 100_000
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require(
            0 < self.min_chars < self.max_chars,
            f"ingest.cleaning needs 0 < min_chars={self.min_chars} < max_chars={self.max_chars}",
        )
