import re
from itertools import pairwise

from gptpath.report.charts import Line, Range, Rule, line_chart, range_chart
from gptpath.report.scales import Axis


def chart(lines: list[Line], **options: bool) -> str:
    return line_chart(
        description='loss <falls> & "ends"',
        lines=lines,
        x=Axis(label="x"),
        y=Axis(label="y"),
        rules=[Rule(label="bar", value=2.0)],
        width=400,
        height=300,
        **options,
    )


def test_higher_values_stand_higher() -> None:
    text = chart([Line(label="a", colour="c", points=[(0.0, 1.0), (1.0, 3.0)])])
    [points] = re.findall(r'<polyline[^>]*points="([^"]*)"', text)
    (_, low), (_, high) = [tuple(map(float, pair.split(","))) for pair in points.split()]
    assert high < low


def test_names_at_line_ends_never_cover_each_other() -> None:
    lines = [
        Line(label=f"m{i}", colour="c", points=[(0.0, 1.0), (1.0, 2.0 + 0.001 * i)])
        for i in range(6)
    ]
    heights = [
        float(y)
        for y in re.findall(r'class="end-name[^>]* y="([\d.]+)"', chart(lines, end_labels=True))
    ]
    assert len(heights) == 6
    ordered = sorted(heights)
    assert all(b - a >= 14 for a, b in pairwise(ordered))


def test_descriptions_are_escaped() -> None:
    assert "loss &lt;falls&gt; &amp; &quot;ends&quot;" in chart([])


def test_a_range_chart_places_the_median_between_its_ends() -> None:
    text = range_chart(
        description="ranges",
        ranges=[Range(label="full", low=0.2, middle=0.5, high=0.6, colour="c")],
        mark=("chance", 0.1),
        x=Axis(label="accuracy"),
        width=360,
    )
    [(left, right)] = re.findall(r'class="span c" x1="([\d.]+)" x2="([\d.]+)"', text)
    [middle] = re.findall(r'<circle[^>]*cx="([\d.]+)"', text)
    assert float(left) < float(middle) < float(right)
