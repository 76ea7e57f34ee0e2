"""Retries and time limits of the stages, as data."""

from dataclasses import dataclass

HOUR = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How Prefect treats a stage."""

    retries: int = 0
    """How often to try again after the stage was killed; a mistake is never tried again."""
    retry_delay_seconds: float = 0
    timeout_seconds: float | None = None
    """None: no limit, a training may take weeks."""


POLICIES = {
    # Killed for memory or with its machine: the retry resumes from the last finished shard.
    "ingest": Policy(retries=2, retry_delay_seconds=10, timeout_seconds=48 * HOUR),
    "tokenizer": Policy(timeout_seconds=12 * HOUR),
    "encode": Policy(timeout_seconds=24 * HOUR),
    # Killed for memory or with its machine: the retry resumes from the last checkpoint.
    "pretrain": Policy(retries=2, retry_delay_seconds=10),
    "finetune": Policy(retries=2, retry_delay_seconds=10),
    "zeroshot": Policy(timeout_seconds=48 * HOUR),
    "contamination": Policy(timeout_seconds=24 * HOUR),
    "scaling": Policy(timeout_seconds=1 * HOUR),
    "report": Policy(timeout_seconds=1 * HOUR),
}
"""Stage of dvc.yaml -> its policy."""


def policy_of(stage: str) -> Policy:
    """Return the policy of a stage; a stage that the table lacks gets neither retry nor limit."""
    return POLICIES.get(stage, Policy())
