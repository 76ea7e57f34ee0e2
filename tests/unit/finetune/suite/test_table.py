"""The table against the papers' figures and against itself."""

import re
from pathlib import Path

import pytest

from gptpath.config.data_sets import PUBLISHED, TEXTS
from gptpath.finetune.suite.finding import every_layout
from gptpath.finetune.suite.table import TABLE

PAPERS = (Path(__file__).parents[4] / "docs" / "papers.md").read_text()


def test_the_table_has_the_names_that_parameters_may_have_in_their_order():
    assert tuple(TABLE) == PUBLISHED
    assert all(name == entry.name for name, entry in TABLE.items())


def test_scores_are_those_of_the_page_of_published_figures():
    cells = dict(re.findall(r"\| ([A-Z][A-Za-z0-9 /()-]+?) \| ([0-9. /]+) \|", PAPERS))
    printed = {
        "mnli-m": cells["MNLI-m / mm"].split(" / ")[0],
        "mnli-mm": cells["MNLI-m / mm"].split(" / ")[1],
        "snli": cells["SNLI"],
        "scitail": cells["SciTail"],
        "qnli": cells["QNLI"],
        "rte": cells["RTE"],
        "story-cloze": cells["Story Cloze"],
        "race-m": cells["RACE-m / h / all"].split(" / ")[0],
        "race-h": cells["RACE-m / h / all"].split(" / ")[1],
        "race": cells["RACE-m / h / all"].split(" / ")[2],
        "cola": cells["CoLA (Matthews)"],
        "sst-2": cells["SST-2"],
        "mrpc": cells["MRPC (F1)"],
        "sts-b": cells["STS-B (Pearson)"],
        "qqp": cells["QQP (F1)"],
    }
    assert {name: entry.gpt1 for name, entry in TABLE.items()} == {
        name: float(value) for name, value in printed.items()
    }


def test_metrics_are_those_that_the_paper_reports():
    others = {name: entry.metric for name, entry in TABLE.items() if entry.metric != "accuracy"}
    assert others == {"cola": "matthews", "mrpc": "f1", "sts-b": "pearson", "qqp": "f1"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_entry_agrees_with_itself(name):
    entry = TABLE[name]
    for layout in every_layout(entry):
        fields = layout.fields
        assert fields.kind == entry.kind
        assert set(TEXTS[entry.kind]) <= set(fields.texts) <= {*TEXTS[entry.kind], "question"}
        assert fields.score_range == entry.score_range
        if entry.labels:
            assert sorted(fields.classes.values()) == list(range(len(entry.labels)))
        assert layout.train
        assert layout.splits
    if entry.hub is not None:
        assert re.fullmatch(r"[0-9a-f]{40}", entry.hub.revision)
