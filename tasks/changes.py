"""Two states of a checkout side by side, as Markdown for a pull request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_CHARTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What a state of the checkout was made from and came to."""

    name: str
    params: Mapping[str, str]
    """Dotted name -> value."""
    versions: Mapping[str, str]
    """Stage -> digest of its entry in dvc.lock."""
    metrics: Mapping[str, Any]
    """Path below the checkout -> content of a metrics file."""
    missing: tuple[str, ...]
    """Metrics that the state names but nobody holds any more."""


def flatten(values: Any, prefix: str = "") -> dict[str, str]:
    """Dotted name -> text of every value; lists count as one value."""
    if isinstance(values, Mapping):
        found: dict[str, str] = {}
        for key, value in values.items():
            found |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
        return found
    if values is None:
        return {prefix: ""} if prefix else {}
    if isinstance(values, Sequence) and not isinstance(values, str):
        return {prefix: ", ".join(str(value) for value in values)}
    return {prefix: str(values)}


def render_changes(base: Snapshot, here: Snapshot) -> str:
    """Parameters, stages, numbers and curves of `here` against `base`."""
    parts = [
        f"## gptpath: {here.name} against {base.name}",
        _section("Parameters", ("parameter", "base", "here"), _params(base, here)),
        _section("Stages", ("stage", "state"), _stages(base, here)),
        _numbers(base, here),
        *_charts(base, here),
    ]
    if base.missing:
        parts.append(
            f"Of the base neither cache nor remote holds: {', '.join(base.missing)}. "
            "`dvc push` after a run keeps them."
        )
    return "\n\n".join(part for part in parts if part) + "\n"


def key_numbers(path: str, content: Any) -> Iterator[tuple[str, float]]:
    """The numbers of a metrics file by which people judge a run (docs/formats.md)."""
    kind, _, item = path.removeprefix("metrics/").removesuffix(".json").partition("/")
    if kind == "pretrain":
        for name in ("loss", "bpb"):
            yield f"{item}: held-out {name}", content["final"][name]
    elif kind == "finetune":
        for variant, scores in content.get("summary", {}).items():
            yield f"{item}: {variant}", scores["median"]
    elif kind == "zeroshot" and content["checkpoints"]:
        for score in content["checkpoints"][-1]["scores"]:
            model = item.removesuffix("/results")
            yield f"{model}: {score['task']} {score['metric']}", score["value"]
    elif kind == "contamination":
        for one in content["sets"]:
            yield f"{one['name']}: overlap with the corpus", one["share"]
    elif kind == "ingest":
        for split, count in content["documents"].items():
            yield f"documents: {split}", count


def _params(base: Snapshot, here: Snapshot) -> list[tuple[str, ...]]:
    names = [*here.params, *(name for name in base.params if name not in here.params)]
    return [
        (f"`{name}`", base.params.get(name, "(none)"), here.params.get(name, "(none)"))
        for name in names
        if base.params.get(name) != here.params.get(name)
    ]


def _stages(base: Snapshot, here: Snapshot) -> list[tuple[str, ...]]:
    rows = [
        (name, "new" if name not in base.versions else "changed")
        for name, version in here.versions.items()
        if base.versions.get(name) != version
    ]
    return rows + [(name, "gone") for name in base.versions if name not in here.versions]


def _numbers(base: Snapshot, here: Snapshot) -> str:
    before, after = _all_numbers(base), _all_numbers(here)
    changed = [
        name
        for name in [*after, *(n for n in before if n not in after)]
        if before.get(name) != after.get(name)
    ]
    rows = [
        (
            name,
            _shown(before.get(name)),
            _shown(after.get(name)),
            _difference(before.get(name), after.get(name)),
        )
        for name in changed
    ]
    table = _section("Metrics", ("number", "base", "here", "change"), rows)
    same = len(set(before) & set(after)) - sum(1 for n in changed if n in before and n in after)
    return f"{table}\n\n{same} more numbers are as they were." if same else table


def _all_numbers(state: Snapshot) -> dict[str, float]:
    return {
        name: float(value)
        for path, content in state.metrics.items()
        for name, value in key_numbers(path, content)
    }


def _charts(base: Snapshot, here: Snapshot) -> list[str]:
    """Held-out curves of the models whose curve changed, as Mermaid, which GitHub draws."""
    paths = [
        path
        for path, content in here.metrics.items()
        if path.startswith("metrics/pretrain/")
        and _curve(content) != _curve(base.metrics.get(path))
    ]
    return [
        _chart(
            path.removeprefix("metrics/pretrain/").removesuffix(".json"),
            _curve(here.metrics[path]),
            _curve(base.metrics.get(path)),
        )
        for path in paths[:MOST_CHARTS]
    ]


def _curve(content: Any) -> dict[int, float]:
    """Step -> held-out bits per byte."""
    return {row["step"]: row["bpb"] for row in content["validation"]} if content else {}


def _chart(model: str, here: Mapping[int, float], base: Mapping[int, float]) -> str:
    """Both curves at the steps that both were measured at; `here` alone where these are too few."""
    shared = [step for step in here if step in base]
    both = len(shared) > 1
    steps = shared if both else list(here)
    lines = [f"    line [{_listed(here, steps)}]"]
    if both:
        lines.append(f"    line [{_listed(base, steps)}]")
    said = "first line: here; second: base" if both else "here"
    return "\n".join(
        [
            "```mermaid",
            "xychart-beta",
            f'    title "{model}: held-out bits per byte ({said})"',
            f'    x-axis "step" [{", ".join(map(str, steps))}]',
            '    y-axis "bits per byte"',
            *lines,
            "```",
        ]
    )


def _listed(curve: Mapping[int, float], steps: Sequence[int]) -> str:
    return ", ".join(f"{curve[step]:.4f}" for step in steps)


def _section(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return f"### {title}\n\nAs in the base."
    lines = [header, ["---"] * len(header), *rows]
    table = "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)
    return f"### {title}\n\n{table}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _shown(value: float | None) -> str:
    return "(none)" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def _difference(before: float | None, after: float | None) -> str:
    return "" if before is None or after is None else f"{after - before:+,.4f}"
