"""Line charts and range charts as SVG text, coloured by the page's style sheet.

Colours are CSS classes, so one drawing serves the light and the dark page. Every chart carries its
description for readers who do not see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gptpath.report.scales import Axis, Scale, make_scale


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One series: points joined by a line, with an optional band around it."""

    label: str
    points: Sequence[tuple[float, float]]
    colour: str
    """CSS class of the series, such as `c-gpt1`."""
    band: Sequence[tuple[float, float, float]] = ()
    """`(x, low, high)` of an interval around the line."""
    markers: bool = False
    joined: bool = True
    dashed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A horizontal reference line with its name."""

    label: str
    value: float


def line_chart(
    *,
    description: str,
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    rules: Sequence[Rule] = (),
    width: int,
    height: int,
    end_labels: bool = False,
) -> str:
    """A line chart of `width` x `height` pixels; `end_labels` name each line at its right end."""
    longest = max((len(line.label) for line in lines), default=0)
    right = width - (16 + 7.5 * longest if end_labels else 12)
    across = make_scale(x, [p[0] for line in lines for p in line.points], 48, right, pad=0.0)
    heights = [p[1] for line in lines for p in line.points]
    heights += [v for line in lines for _, low, high in line.band for v in (low, high)]
    heights += [rule.value for rule in rules]
    up = make_scale(y, heights, height - 40, 24, pad=0.06)
    parts = [_frame(across, up, width, height)]
    parts += [_rule(rule, across, up) for rule in rules]
    parts += [_band(line, across, up) for line in lines if line.band]
    parts += [_line(line, across, up) for line in lines]
    if end_labels:
        parts += _end_labels(lines, across, up)
    return _svg(description, width, height, parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """One row entry of a range chart: a dot at the median on a bar from low to high."""

    label: str
    low: float
    middle: float
    high: float
    colour: str


def range_chart(
    *,
    description: str,
    ranges: Sequence[Range],
    mark: tuple[str, float],
    x: Axis,
    width: int,
) -> str:
    """Ranges under each other on one axis; `mark` is a named vertical reference."""
    row, top = 26, 30
    bottom = top + row * len(ranges)
    values = [v for r in ranges for v in (r.low, r.high)] + [mark[1]]
    left = 16 + 6.6 * max(len(r.label) for r in ranges)
    across = make_scale(x, values, left, width - 16, pad=0.06)
    parts = [
        f'<line class="grid" x1="{across.place(t):.1f}" x2="{across.place(t):.1f}" y1="{top - 6}" '
        f'y2="{bottom}"/><text class="tick" text-anchor="middle" x="{across.place(t):.1f}" '
        f'y="{bottom + 16}">{escape(x.text(t))}</text>'
        for t in across.ticks(4)
    ]
    at = across.place(mark[1])
    parts.append(
        f'<line class="rule" x1="{at:.1f}" x2="{at:.1f}" y1="{top - 8}" y2="{bottom}"/>'
        f'<text class="rule-name" x="{at + 3:.1f}" y="{top - 12}">{escape(mark[0])}</text>'
    )
    for index, item in enumerate(ranges):
        at = top + row * index + row / 2
        parts.append(
            f'<text class="label" text-anchor="end" x="{left - 10:.1f}" y="{at + 4:.1f}">'
            f"{escape(item.label)}</text>"
            f'<line class="span {item.colour}" x1="{across.place(item.low):.1f}" '
            f'x2="{across.place(item.high):.1f}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<circle class="dot {item.colour}" cx="{across.place(item.middle):.1f}" '
            f'cy="{at:.1f}" r="5"/>'
        )
    parts.append(
        f'<text class="axis-name" text-anchor="middle" x="{(left + width - 16) / 2:.1f}" '
        f'y="{bottom + 33}">{escape(x.label)}</text>'
    )
    return _svg(description, width, bottom + 40, parts)


def _svg(description: str, width: int, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{escape(description)}" viewBox="0 0 {width} {height:.0f}" '
        f'style="max-width: {1.1 * width:.0f}px">{"".join(parts)}</svg>'
    )


def _frame(x: Scale, y: Scale, width: int, height: int) -> str:
    parts: list[str] = []
    for tick in y.ticks(5):
        at = y.place(tick)
        parts.append(
            f'<line class="grid" x1="{x.start}" x2="{x.stop:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text class="tick" text-anchor="end" x="{x.start - 6}" y="{at + 4:.1f}">'
            f"{escape(y.axis.text(tick))}</text>"
        )
    for tick in x.ticks(7 if width > 500 else 5):
        at = x.place(tick)
        parts.append(
            f'<line class="notch" x1="{at:.1f}" x2="{at:.1f}" y1="{y.start}" y2="{y.start + 4}"/>'
            f'<text class="tick" text-anchor="middle" x="{at:.1f}" y="{y.start + 17}">'
            f"{escape(x.axis.text(tick))}</text>"
        )
    parts.append(
        f'<line class="axis" x1="{x.start}" x2="{x.stop:.1f}" y1="{y.start}" y2="{y.start}"/>'
        f'<text class="axis-name" text-anchor="middle" x="{(x.start + x.stop) / 2:.1f}" '
        f'y="{height - 6}">{escape(x.axis.label)}</text>'
        f'<text class="axis-name" x="2" y="12">{escape(y.axis.label)}</text>'
    )
    return "".join(parts)


def _rule(rule: Rule, x: Scale, y: Scale) -> str:
    at = y.place(rule.value)
    return (
        f'<line class="rule" x1="{x.start}" x2="{x.stop:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="rule-name" text-anchor="end" x="{x.stop - 2:.1f}" y="{at - 5:.1f}">'
        f"{escape(rule.label)}</text>"
    )


def _band(line: Line, x: Scale, y: Scale) -> str:
    upper = [f"{x.place(at):.1f},{y.place(high):.1f}" for at, _, high in line.band]
    lower = [f"{x.place(at):.1f},{y.place(low):.1f}" for at, low, _ in reversed(line.band)]
    return f'<polygon class="band {line.colour}" points="{" ".join([*upper, *lower])}"/>'


def _line(line: Line, x: Scale, y: Scale) -> str:
    placed = [(x.place(at), y.place(value)) for at, value in line.points]
    parts: list[str] = []
    if line.joined and len(placed) > 1:
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in placed)
        dash = " dashed" if line.dashed else ""
        parts.append(f'<polyline class="line {line.colour}{dash}" points="{points}"/>')
    if line.markers:
        parts += [
            f'<circle class="dot {line.colour}" cx="{a:.1f}" cy="{b:.1f}" r="4"/>'
            for a, b in placed
        ]
    return "".join(parts)


def _end_labels(lines: Sequence[Line], x: Scale, y: Scale) -> list[str]:
    """Names at the line ends, pushed apart where lines end close together."""
    wanted = [
        (y.place(line.points[-1][1]), line) for line in lines if line.points and not line.dashed
    ]
    wanted.sort(key=lambda pair: pair[0])
    placed: list[float] = []
    for at, _ in wanted:
        placed.append(max(at, placed[-1] + 15) if placed else at)
    overflow = (placed[-1] - y.start) if placed else 0.0
    shift = max(overflow, 0.0)
    return [
        f'<text class="end-name {line.colour}" x="{x.place(line.points[-1][0]) + 9:.1f}" '
        f'y="{at - shift + (4 if line.joined else -6):.1f}">'
        f"{escape(line.label)}</text>"
        for at, (_, line) in zip(placed, wanted, strict=True)
    ]
