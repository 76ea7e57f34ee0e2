"""Retries and time limits of the stages, as data."""

import math
import os
from dataclasses import dataclass

from gptpath.errors import PipelineError

HOUR = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How Prefect treats a stage."""

    retries: int = 0
    """How often to try again after the stage was killed; a mistake is never tried again."""
    retry_delay_seconds: float = 0
    timeout_seconds: float | None = None
    """None: no limit, a training may take weeks."""
    stall_seconds: float | None = None
    """Silence from which on a training counts as stalled (tasks/watch.py); None: not watched."""


POLICIES = {
    # Killed for memory or with its machine: the retry resumes from the last finished shard.
    "ingest": Policy(retries=2, retry_delay_seconds=10, timeout_seconds=48 * HOUR),
    "tokenizer": Policy(timeout_seconds=12 * HOUR),
    "encode": Policy(timeout_seconds=24 * HOUR),
    # Killed for memory or with its machine: the retry resumes from the last checkpoint.
    # A stall is told, not ended: whether to wait, a person decides.
    "pretrain": Policy(retries=2, retry_delay_seconds=10, stall_seconds=HOUR / 4),
    # It tells of whole epochs alone.
    "finetune": Policy(retries=2, retry_delay_seconds=10, stall_seconds=2 * HOUR),
    "zeroshot": Policy(timeout_seconds=48 * HOUR),
    "contamination": Policy(timeout_seconds=24 * HOUR),
    "scaling": Policy(timeout_seconds=1 * HOUR),
    "report": Policy(timeout_seconds=1 * HOUR),
}
"""Stage of dvc.yaml -> its policy."""


STALL_SECONDS = "GPTPATH_STALL_SECONDS"
"""Environment variable: another limit of silence for the stages that the table watches."""


def policy_of(stage: str) -> Policy:
    """Return the policy of a stage; a stage that the table lacks gets neither retry nor limit."""
    return POLICIES.get(stage, Policy())


def stall_seconds_of(stage: str) -> float | None:
    """Limit of silence of a stage, in seconds; PipelineError if the environment's is none."""
    limit = policy_of(stage).stall_seconds
    given = os.environ.get(STALL_SECONDS)
    if limit is None or not given:
        return limit
    try:
        limit = float(given)
    except ValueError:
        limit = 0.0
    if not 0 < limit < math.inf:
        raise PipelineError(f"{STALL_SECONDS}={given!r} is no number of seconds; e.g. 900")
    return limit
