"""What a profile will cost here, stage by stage, before anything is spent."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gptpath.config.params import Params
from gptpath.errors import ConfigError
from gptpath.model.device import resolve_device
from gptpath.planning.corpus import Corpus, expect_corpus
from gptpath.planning.machine import Machine, describe_machine
from gptpath.planning.measure import Rates, measure_rates
from gptpath.planning.stage_costs import (
    StageCost,
    data_stages,
    finetune,
    last_stages,
    pretrain,
    zeroshot,
)
from gptpath.planning.timetable import Job, finish_time


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All stages, and what they come to on this machine."""

    profile: str
    machine: Machine
    rates: Rates
    corpus: Corpus
    threads: int
    side_by_side: int
    stages: tuple[StageCost, ...]
    wall_seconds: float
    """End of the last stage when `side_by_side` run at once."""

    @property
    def disk_bytes(self) -> float:
        """Outputs, their copies in DVC's cache, and the models' copies in the registry."""
        models = sum(
            s.disk_bytes for s in self.stages if s.name.startswith(("pretrain", "finetune"))
        )
        return 2 * sum(stage.disk_bytes for stage in self.stages) + models

    def at_once(self, quantity: Callable[[StageCost], float]) -> float:
        """Sum of the `side_by_side` largest: the most that can be needed at one time."""
        return sum(sorted(map(quantity, self.stages), reverse=True)[: self.side_by_side])


def make_plan(params: Params, root: Path) -> Plan:
    """Measure this machine for a few seconds and work out every stage of `params`.

    Raises:
        ConfigError: compute.device asks for a device that is not there, or ingest.raw is empty.
    """
    device = resolve_device(params.compute.device)
    return compose_plan(
        params,
        corpus=expect_corpus(params, root),
        machine=describe_machine(root, device.type),
        rates=measure_rates(params, device),
    )


def compose_plan(params: Params, *, corpus: Corpus, machine: Machine, rates: Rates) -> Plan:
    """Work out the plan from given facts; no look at the machine."""
    stages = (
        *data_stages(params, machine, corpus),
        *(pretrain(params, name, machine, rates, corpus) for name in params.matrix.models),
        *(finetune(params, task, machine, rates) for task in params.matrix.finetune_tasks),
        *(zeroshot(params, name, machine, rates, corpus) for name in params.matrix.models),
        *last_stages(params, corpus),
    )
    busy = params.compute.side_by_side * params.compute.threads / machine.cores
    shared = max(1.0, busy if machine.gpu is None else float(params.compute.side_by_side))
    jobs = [Job(name=s.name, seconds=s.seconds, after=s.after) for s in stages]
    wall = finish_time(jobs, slots=params.compute.side_by_side) * shared
    return Plan(
        profile=params.profile,
        machine=machine,
        rates=rates,
        corpus=corpus,
        threads=params.compute.threads,
        side_by_side=params.compute.side_by_side,
        stages=stages,
        wall_seconds=max(wall, max(s.seconds for s in stages)),
    )


def refuse_unfit(plan: Plan) -> None:
    """Stop before anything is spent on what cannot end well.

    Raises:
        ConfigError: memory, GPU memory or disk will not do; the message has needed and available
            amounts and what to change.
    """
    machine = plan.machine
    checks = (
        (
            "memory",
            plan.at_once(lambda s: s.memory_bytes),
            machine.memory_bytes,
            "lower compute.side_by_side, pretrain.micro_batch_size_sequences or the model sizes",
        ),
        (
            f"memory of {machine.gpu}",
            plan.at_once(lambda s: s.gpu_bytes),
            machine.gpu_memory_bytes,
            "lower compute.side_by_side or pretrain.micro_batch_size_sequences",
        ),
        (
            "free disk",
            plan.disk_bytes,
            machine.disk_free_bytes,
            "free space, or lower pretrain.published_checkpoints or the number of models",
        ),
    )
    problems = [
        f"{what}: needs about {need / 1e9:.1f} GB at once, there are {given / 1e9:.1f} GB; {advice}"
        for what, need, given, advice in checks
        if need > given
    ]
    if problems:
        raise ConfigError(
            f"profile {plan.profile} does not fit this machine:\n  " + "\n  ".join(problems)
        )
