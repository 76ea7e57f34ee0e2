from dataclasses import replace

import pytest

from tasks.changes import Snapshot, flatten, render_changes


def pretrain(bpb: float, steps: tuple[int, ...] = (0, 10)) -> dict:
    curve = [{"step": step, "bpb": bpb + 1 - step / 10} for step in steps]
    return {"final": {"loss": bpb * 2, "bpb": bpb}, "validation": curve}


BASE = Snapshot(
    name="main",
    params={"seed": "1", "pretrain.steps": "10", "old": "x"},
    versions={"ingest": "a", "pretrain@m": "b"},
    metrics={
        "metrics/pretrain/m.json": pretrain(2.0),
        "metrics/ingest.json": {"documents": {"train": 10}},
        "metrics/finetune/t.json": {"summary": {"full": {"median": 0.5}}},
    },
    missing=(),
)
HERE = replace(
    BASE,
    name="here",
    params={"seed": "1", "pretrain.steps": "20", "new": "a|b"},
    versions={"ingest": "a", "pretrain@m": "c", "report": "d"},
    metrics={**BASE.metrics, "metrics/pretrain/m.json": pretrain(1.5)},
)


def test_only_what_changed_is_listed() -> None:
    text = render_changes(BASE, HERE)
    for line in (
        "| `pretrain.steps` | 10 | 20 |",
        "| `new` | (none) | a\\|b |",
        "| `old` | x | (none) |",
        "| pretrain@m | changed |",
        "| report | new |",
        "| m: held-out bpb | 2 | 1.5 | -0.5000 |",
        "2 more numbers are as they were.",
    ):
        assert line in text
    assert "`seed`" not in text
    assert "| ingest |" not in text


def test_both_curves_are_drawn_where_they_share_their_steps() -> None:
    text = render_changes(BASE, HERE)
    assert 'x-axis "step" [0, 10]' in text
    assert text.index("line [2.5000, 1.5000]") < text.index("line [3.0000, 2.0000]")
    longer = replace(HERE, metrics={"metrics/pretrain/m.json": pretrain(1.5, (0, 10, 20))})
    assert 'x-axis "step" [0, 10]' in render_changes(BASE, longer)
    assert render_changes(BASE, longer).count("    line [") == 2
    apart = replace(HERE, metrics={"metrics/pretrain/m.json": pretrain(1.5, (5, 15))})
    assert render_changes(BASE, apart).count("    line [") == 1


def test_equal_states_say_so_and_what_is_lost_is_named() -> None:
    text = render_changes(BASE, BASE)
    assert text.count("As in the base.") == 3
    assert "mermaid" not in text
    lost = replace(BASE, metrics={}, missing=("metrics/ingest.json",))
    assert "neither cache nor remote holds: metrics/ingest.json" in render_changes(lost, HERE)
    assert "| documents: train | (none) | 10 |  |" in render_changes(lost, HERE)


@pytest.mark.parametrize(
    ("values", "flat"),
    [
        ({"a": {"b": 1, "c": None}}, {"a.b": "1", "a.c": ""}),
        ({"a": [1, "x"]}, {"a": "1, x"}),
        (None, {}),
    ],
)
def test_values_are_named_by_their_path(values: object, flat: dict[str, str]) -> None:
    assert flatten(values) == flat
