import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gptpath.report.lineage import read_lineage
from gptpath.report.page import render_page
from gptpath.report.results import load_results
from tests.unit.report.fake_run import DVC_LOCK, change, laptop_params, write_run

VOID = {"meta", "br", "line", "circle", "polyline", "polygon", "img", "link", "input", "hr"}


class Checker(HTMLParser):
    """Every element closes, ids are unique, links inside the page lead somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.outside: list[str] = []
        self.tables: list[list[str]] = []
        self.drawings: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if "id" in values:
            self.ids.append(str(values["id"]))
        for name in ("href", "src"):
            target = values.get(name)
            if target is not None:
                (self.anchors if target.startswith("#") else self.outside).append(target)
        if tag == "svg":
            self.drawings.append(values)
        if tag == "table":
            self.tables.append([])
        elif self.tables and "table" in self.open:
            self.tables[-1].append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()


def render(root: Path) -> str:
    results = load_results(root, laptop_params())
    return render_page(results, read_lineage(root / "dvc.lock", results))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_run(tmp_path)
    (tmp_path / "dvc.lock").write_text(DVC_LOCK, encoding="utf-8")
    return tmp_path


def parse(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    return checker


def test_the_page_needs_nothing_from_outside(run: Path) -> None:
    page = render(run)
    assert not re.search(r"https?://|//cdn|@import|url\(|<script|<link|<img", page)
    assert parse(page).outside == []


def test_the_page_is_well_formed_and_its_links_lead_somewhere(run: Path) -> None:
    checker = parse(render(run))
    assert checker.open == []
    assert len(checker.ids) == len(set(checker.ids))
    assert {anchor[1:] for anchor in checker.anchors} <= set(checker.ids)


def test_every_table_has_caption_and_headers_and_every_drawing_a_description(run: Path) -> None:
    checker = parse(render(run))
    assert len(checker.tables) > 10
    for tags in checker.tables:
        assert "caption" in tags
        assert tags.count("th") > 1
    assert checker.drawings
    for drawing in checker.drawings:
        assert drawing.get("role") == "img"
        assert len(drawing.get("aria-label") or "") > 20


def test_every_row_of_a_table_has_as_many_cells_as_the_header(run: Path) -> None:
    page = render(run)
    for table in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        head, *body = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        width = len(re.findall(r"<th ", head))
        assert {len(re.findall(r"<t[hd][ >]", row)) for row in body} == {width}


def test_text_from_the_corpus_is_escaped(run: Path) -> None:
    page = render(run)
    assert "Return the &lt;b&gt;sorted&lt;/b&gt; copy" in page
    assert "Sort an array &amp; return it." in page


def test_the_scale_difference_is_said_with_this_runs_numbers(run: Path) -> None:
    page = render(run)
    assert "1/1,429 of the largest GPT-2" in page
    change(run, "metrics/pretrain/gpt2-laptop-l.json", lambda r: r.update(parameters=3_115_222_400))
    assert "2.0 times the largest GPT-2" in " ".join(render(run).split())


def test_absent_things_are_reported_as_absent(run: Path) -> None:
    (run / "dvc.lock").unlink()
    (run / "ledger/encode.json").unlink()
    absent = {"task": "package", "absent": "one package only", "rows": [], "test_items": 0}

    def replace(record: dict[str, object]) -> None:
        record.clear()
        record.update(absent, summary={})

    change(run, "metrics/finetune/package.json", replace)
    page = render(run)
    assert "no file data/benchmarks/lambada/lambada_test.jsonl" in page
    assert "one package only" in page
    assert "the lineage is absent" in page
    assert "not recorded" in page


def test_a_run_with_one_size_and_no_fit_still_has_a_page(run: Path) -> None:
    note = {"note": "a power law needs at least 2 models"}
    change(
        run,
        "metrics/scaling.json",
        lambda r: r.update(loss_fit=note, score_fits={}, prediction=note),
    )
    assert "No power law was fitted: a power law needs at least 2 models." in render(run)


def test_a_task_of_one_item_whose_constant_answer_is_perfect_still_has_a_page(run: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        for checkpoint in record["checkpoints"]:
            for score in checkpoint["scores"]:
                if score["task"] == "last-word":
                    score.update(chance=1.0, items=1)

    for model in laptop_params().matrix.models:
        change(run, f"metrics/zeroshot/{model}/results.json", edit)
    assert "last-word along pretraining" not in render(run)


def test_the_same_numbers_give_the_same_page(run: Path) -> None:
    assert render(run) == render(run)


def test_lineage_leaves_out_models_that_were_not_asked_for(run: Path) -> None:
    page = render(run)
    assert "33f4c1a7b9a2cf0e6ea4ac5dd3c0ffee.dir" in page
    assert "pretrain@forgotten" not in page


def test_close_marks_of_an_axis_are_told_apart(run: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        record["chance"] = 0.8
        for spread in record["summary"].values():
            spread.update(min=0.8, median=0.805, max=0.81)

    for task in laptop_params().matrix.finetune_tasks:
        change(run, f"metrics/finetune/{task}.json", edit)
    page = render(run)
    marks = re.findall(r'<text class="tick"[^>]*>([^<]*)</text>', page)
    assert "80.5 %" in marks
    assert "80 %" in marks


def test_nothing_is_said_of_the_tokenizer_that_holds_for_trained_ones_alone(run: Path) -> None:
    published = {"vocab_size": 40478, "bytes_per_token": 4.31, "sample_bytes": 0}
    change(run, "metrics/tokenizer.json", lambda record: record.update(published))
    page = " ".join(render(run).split())
    said = "The vocabulary has 40,478 entries; a token stands for 4.31 bytes of the training text."
    assert said in page
