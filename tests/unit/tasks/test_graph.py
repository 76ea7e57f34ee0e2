import json
from pathlib import Path

import pytest

from gptpath.errors import PipelineError
from tasks import graph
from tasks.graph import StageGraph, parse_dot, plan_stages, topological_order

DOT = """strict digraph {
"ingest";
"pretrain@big";
"pretrain@small";
"report";
"ingest" -> "pretrain@big";
"ingest" -> "pretrain@small";
"pretrain@big" -> "report";
"pretrain@small" -> "report";
}
"""


def plan(monkeypatch: pytest.MonkeyPatch, status: dict, dot: str = DOT) -> graph.StageGraph:
    names = "ingest\npretrain@small\npretrain@big\nreport\n"
    answers = {"dag": dot, "status": json.dumps(status), "stage": names}
    monkeypatch.setattr(graph, "ask_dvc", lambda root, command, *rest: answers[command])
    return plan_stages(Path())


def test_the_graph_is_read_from_dots_language() -> None:
    assert parse_dot(DOT) == {
        "ingest": (),
        "pretrain@big": ("ingest",),
        "pretrain@small": ("ingest",),
        "report": ("pretrain@big", "pretrain@small"),
    }


def test_stages_come_after_their_parents_and_else_keep_their_order() -> None:
    parents = {"late": ("b",), "b": ("a",), "a": (), "c": ()}
    assert topological_order(parents) == ("a", "b", "late", "c")


def test_a_circle_is_named() -> None:
    with pytest.raises(PipelineError, match="wait for each other: a, b"):
        topological_order({"a": ("b",), "b": ("a",)})


def test_data_that_dvc_holds_is_no_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """`dvc dag` names the .dvc files of `dvc add`; `dvc stage list` does not."""
    added = '"data/raw/books.dvc";\n"data/raw/books.dvc" -> "ingest";\n}'
    changed = {name: [{"changed deps": {}}] for name in ("data/raw/books.dvc", "ingest")}
    found = plan(monkeypatch, changed, DOT.replace("}", added))
    assert found.parents["ingest"] == ()
    assert found.order[0] == "ingest"
    assert not found.fresh


def test_everything_below_a_stale_stage_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(monkeypatch, {"pretrain@small": [{"changed deps": {}}]})
    assert found.fresh == {"ingest", "pretrain@big"}


def test_nothing_is_stale_when_dvc_reports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan(monkeypatch, {}).fresh == {"ingest", "pretrain@big", "pretrain@small", "report"}


def test_stages_keep_the_order_of_dvc_yaml_whatever_that_of_the_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert plan(monkeypatch, {}).order == ("ingest", "pretrain@small", "pretrain@big", "report")


def sweep() -> StageGraph:
    parents = {
        "encode": (),
        "pretrain@a": ("encode",),
        "pretrain@b": ("encode",),
        "zeroshot@a": ("pretrain@a", "encode"),
        "report": ("zeroshot@a", "pretrain@b"),
    }
    return StageGraph(order=tuple(parents), parents=parents, fresh=frozenset({"encode", "report"}))


def test_a_part_of_the_graph_has_what_its_end_needs_and_no_more() -> None:
    part = sweep().needed_for(["zeroshot@a"])
    assert part.order == ("encode", "pretrain@a", "zeroshot@a")
    assert part.fresh == {"encode"}
    with pytest.raises(PipelineError, match="no stage b in dvc.yaml; known: encode"):
        sweep().needed_for(["b"])


def test_stages_alone_wait_only_for_each_other() -> None:
    graph = sweep()
    part = graph.only(graph.of_item("a"))
    assert part.order == ("pretrain@a", "zeroshot@a")
    assert part.parents == {"pretrain@a": (), "zeroshot@a": ("pretrain@a",)}
