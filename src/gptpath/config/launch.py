"""The section `launch` of params.yaml: how many processes train one model, and how."""

from dataclasses import dataclass
from typing import Literal

from gptpath.config.sections import FORBID_UNKNOWN, require

Strategy = Literal["ddp", "fsdp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """Processes of one pretraining; more than one run under torchrun.

    Decides no result beyond the rounding of sums, so that a run may go on under another launch.
    """

    nproc_per_node: int = 1
    """Training processes on each node: one per GPU."""
    nnodes: int = 1
    """Machines."""
    rdzv_endpoint: str | None = None
    """HOST:PORT where several nodes meet; the host is one of them."""
    strategy: Strategy = "ddp"
    """`ddp`: each process holds all of the model. `fsdp`: weights, gradients, moments are split."""
    max_restarts: int = 3
    """How often all processes start again from the newest checkpoint after one has died."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        for name in ("nproc_per_node", "nnodes"):
            require(getattr(self, name) >= 1, f"launch.{name} must be at least 1")
        require(self.max_restarts >= 0, f"launch.max_restarts={self.max_restarts} is negative")
        require(
            self.nnodes == 1 or self.rdzv_endpoint is not None,
            f"launch.nnodes={self.nnodes} needs launch.rdzv_endpoint, HOST:PORT of one node",
        )

    @property
    def ranks(self) -> int:
        """Training processes on all nodes together."""
        return self.nproc_per_node * self.nnodes
