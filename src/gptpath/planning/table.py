"""The plan as a text table for the terminal."""

from gptpath.planning.costs import Plan
from gptpath.planning.machine import Machine
from gptpath.planning.stage_costs import StageCost

_ROUNDED = 0.9995
"""From this share of a unit on, three digits round up to the whole unit."""
_HEADINGS = ("stage", "tokens", "FLOPs", "time", "memory", "GPU", "disk", "time is")


def render_plan(plan: Plan) -> str:
    """Lines of at most about 100 characters: machine, corpus, one row per stage, totals."""
    rows = [_HEADINGS, *(_row(stage) for stage in plan.stages), _total(plan)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [_line(row, widths) for row in rows]
    rule = "-" * len(lines[0])
    lines = [lines[0], rule, *lines[1:-1], rule, lines[-1]]
    source = "counted by an earlier run" if plan.corpus.measured else "guessed from the sources"
    head = (
        f"profile {plan.profile} on {_machine(plan.machine)}",
        f"matrix products at {plan.rates.matmul_flops / 1e9:,.0f} GFLOP/s "
        f"with {plan.threads} thread(s) of an otherwise idle machine; "
        f"{plan.side_by_side} stage(s) at once",
        f"training text {_bytes(plan.corpus.text_bytes)}, about {_amount(plan.corpus.tokens)} "
        f"tokens ({source})",
        "",
    )
    tail = (
        "",
        "memory and GPU: the most that stages side by side need; disk: with DVC's cache and the "
        "registry.",
        "estimated: too large to try here, so the rate of matrix products times an assumed "
        "efficiency.",
    )
    return "\n".join((*head, *lines, *tail))


def _row(stage: StageCost) -> tuple[str, ...]:
    return (
        stage.name,
        _amount(stage.tokens),
        f"{stage.flops:.1e}" if stage.flops else "",
        _time(stage.seconds),
        _bytes(stage.memory_bytes),
        _bytes(stage.gpu_bytes),
        _bytes(stage.disk_bytes),
        stage.basis,
    )


def _total(plan: Plan) -> tuple[str, ...]:
    return (
        "all",
        _amount(sum(stage.tokens for stage in plan.stages)),
        f"{sum(stage.flops for stage in plan.stages):.1e}",
        _time(plan.wall_seconds),
        _bytes(plan.at_once(lambda s: s.memory_bytes)),
        _bytes(plan.at_once(lambda s: s.gpu_bytes)),
        _bytes(plan.disk_bytes),
        "",
    )


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    first, *middle, last = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in middle)]
    return "  ".join([*cells, last[0].ljust(last[1])]).rstrip()


def _machine(machine: Machine) -> str:
    gpu = f", {machine.gpu} with {_bytes(machine.gpu_memory_bytes)}" if machine.gpu else ""
    return (
        f"{machine.cores} core(s), {_bytes(machine.memory_bytes)} memory, "
        f"{_bytes(machine.disk_free_bytes)} free disk{gpu}"
    )


def _amount(value: float) -> str:
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= _ROUNDED * limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.0f}" if value else ""


def _bytes(value: float) -> str:
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= _ROUNDED * limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.0f} B" if value else ""


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:,.0f} days"
