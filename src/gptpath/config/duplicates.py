"""The section `ingest.duplicates` of params.yaml."""

from dataclasses import dataclass

from gptpath.config.sections import FORBID_UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicates:
    """Which documents count as copies of others."""

    __pydantic_config__ = FORBID_UNKNOWN
