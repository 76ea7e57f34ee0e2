"""Training one model in several processes: who takes which rows, and what they tell each other.

Processes are called ranks. Tensors go through the default process group (NCCL on GPUs, gloo on
CPUs); everything else goes through a gloo group of its own, so that no talk between hosts waits
for a device.
"""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gptpath.config.launch import Strategy
from gptpath.errors import ConfigError, GptPathError
from gptpath.model.build import LanguageModel, empty_model
from gptpath.model.device import resolve_device
from gptpath.train.stopping import StopRequested, StopSignal

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parallel:
    """This process's place among the ranks, and its connection with them."""

    rank: int = 0
    ranks: int = 1
    local_rank: int = 0
    strategy: Strategy = "ddp"
    group: dist.ProcessGroup | None = None
    """The hosts' own group; None for a process on its own."""

    def rows(self, count: int) -> range:
        """Which of `count` rows are this rank's; every row is exactly one rank's.

        As torch.chunk divides, hence as FSDP2 divides a tensor.
        """
        size = -(-count // self.ranks)
        return range(min(self.rank * size, count), min((self.rank + 1) * size, count))

    def mean(self, values: Tensor) -> Tensor:
        """Mean of `values` over all ranks, on the device, element by element."""
        if self.group is None:
            return values
        values = values / self.ranks
        dist.all_reduce(values)
        return values

    def gather(self, value: T) -> list[T]:
        """Give every rank the values of all ranks, in their order."""
        if self.group is None:
            return [value]
        values: list[Any] = [None] * self.ranks
        dist.all_gather_object(values, value, group=self.group)
        return values

    def agree(self, work: Callable[[], T]) -> T:
        """Do `work`; a GptPathError of any rank is raised by all, so that none waits in vain."""
        error: GptPathError | None = None
        result: list[T] = []
        try:
            result.append(work())
        except GptPathError as raised:
            error = raised
        failures = [failure for failure in self.gather(error) if failure is not None]
        if failures:
            raise error or failures[0]
        return result[0]


ALONE = Parallel()
"""A process that trains on its own."""


@contextmanager
def joined(strategy: Strategy, device: str) -> Generator[Parallel]:
    """Join the other ranks as torchrun's environment variables say, while the context lasts.

    `device` is that of params.yaml. After an error the ranks part by ending.
    """
    local_rank = int(os.environ["LOCAL_RANK"])
    own = rank_device(device, local_rank)
    dist.init_process_group("nccl" if own.type == "cuda" else "gloo")
    hosts = dist.new_group(backend="gloo")
    assert isinstance(hosts, dist.ProcessGroup), "every rank is a member"
    yield Parallel(
        rank=dist.get_rank(),
        ranks=dist.get_world_size(),
        local_rank=local_rank,
        strategy=strategy,
        group=hosts,
    )
    dist.destroy_process_group()


def rank_device(name: str, local_rank: int) -> torch.device:
    """Device of a rank: its own GPU, or the CPU; ConfigError if there are too few GPUs."""
    device = resolve_device(name)
    if device.type != "cuda":
        return device
    if local_rank >= torch.cuda.device_count():
        raise ConfigError(
            f"launch.nproc_per_node asks for process {local_rank + 1}, but this machine has "
            f"{torch.cuda.device_count()} CUDA devices; start at most one process for each"
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


class SharedStop(StopSignal):
    """A stop that all ranks make at the same check, whichever of them is asked for it.

    The ranks' votes travel while they work: a request takes effect one check later.
    """

    def __init__(self, own: StopSignal, group: dist.ProcessGroup) -> None:
        super().__init__()
        self._own, self._group = own, group
        self._vote: tuple[Tensor, dist.Work | None] = (torch.zeros(1), None)

    def check(self) -> None:
        """Raise StopRequested if any rank was asked to stop before its previous check."""
        earlier, exchange = self._vote
        vote = torch.tensor([float(self._own.requested() or 0)])
        pending = dist.all_reduce(vote, dist.ReduceOp.MAX, group=self._group, async_op=True)
        self._vote = (vote, pending)
        if exchange is not None:
            exchange.wait()
        if signum := int(earlier.item()):
            raise StopRequested(signum)


def check_division(batch_size: int, micro_batch_size: int | str | None, ranks: int) -> None:
    """Raise ConfigError unless every rank gets an equal share of the batch in whole micro-batches.

    The batch belongs to the recipe: it must stay the same on any number of ranks. A micro-batch
    that is not chosen yet (`auto`) divides any share.
    """
    unit = ranks * (micro_batch_size if isinstance(micro_batch_size, int) else 1)
    if batch_size % unit:
        below, above = batch_size // unit * unit, -(-batch_size // unit) * unit
        nearest = f"{below} or {above}" if below else f"{above}"
        raise ConfigError(
            f"batch_size_sequences={batch_size} does not divide among {ranks} ranks with "
            f"micro_batch_size_sequences={micro_batch_size}; nearest valid: {nearest}, "
            "or change the number of ranks or the micro-batch"
        )


def wrap(module: nn.Module, model: LanguageModel, parallel: Parallel) -> nn.Module:
    """Let ranks share the gradients of `module`, which computes with all of `model`.

    With FSDP the parameters of `model` become distributed tensors in place: build the optimiser
    afterwards.
    """
    if parallel.group is None:
        return module
    device = model.wte.weight.device
    if parallel.strategy == "ddp":
        return nn.parallel.DistributedDataParallel(
            module,
            device_ids=[device] if device.type == "cuda" else None,
            gradient_as_bucket_view=True,
        )
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (parallel.ranks,))
    for block in getattr(model, "h", ()):
        fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)
    return module


@contextmanager
def synchronising(module: nn.Module, last: bool) -> Generator[None]:
    """Context of one micro-batch, forward and backward: ranks exchange gradients in the `last`."""
    if isinstance(module, nn.parallel.DistributedDataParallel) and not last:
        with module.no_sync():
            yield
        return
    share: Any = getattr(module, "set_requires_gradient_sync", None)  # FSDP2
    if share is not None:
        share(last)
    yield


def free_gathered(module: nn.Module) -> None:
    """Return to sharded parameters after a forward pass that no backward pass followed (FSDP2)."""
    reshard: Any = getattr(module, "reshard", None)
    if reshard is not None:
        reshard()


def local_part(tensor: Tensor) -> Tensor:
    """What this rank holds of a tensor: all of it, or its shard."""
    to_local: Any = getattr(tensor, "to_local", None)
    return tensor if to_local is None else to_local()


def whole(tensor: Tensor) -> Tensor:
    """The tensor itself, put together from all shards if there are any; all ranks must ask."""
    full: Any = getattr(tensor, "full_tensor", None)
    return tensor if full is None else full()


def whole_model(model: LanguageModel, parallel: Parallel) -> LanguageModel | None:
    """A model that holds all weights, on the first rank; None on the others. All ranks must ask."""
    if parallel.group is None:
        return model
    state: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        tensor = whole(parameter.detach())
        if parallel.rank == 0:
            state[name] = tensor.cpu()
    if parallel.rank:
        return None
    copy = empty_model(model.config)
    copy.load_state_dict(state, assign=True)
    return copy
