import pytest

from gptpath.report import finetune_tables
from gptpath.report.finetune_tables import confusion_tables, finetune_table, transfer_table
from gptpath.report.page import finetuning_section
from gptpath.report.results import load_results
from gptpath.report.tables import Cell
from tests.unit.report.fake_run import change, laptop_params, write_run


@pytest.fixture
def run(tmp_path):
    write_run(tmp_path)
    return tmp_path


def results(run):
    return load_results(run, laptop_params())


def spread(median):
    return {"median": median, "min": median - 0.01, "max": median + 0.02}


def test_a_metric_that_is_not_accuracy_is_named(run):
    change(run, "metrics/finetune/package.json", lambda record: record.update(metric="matthews"))
    table = finetune_table(results(run))
    assert table.columns == (
        "variant",
        "wording",
        "similarity",
        "package (matthews)",
        "summary",
        "average",
    )
    assert [row[0] for row in table.rows][-3:] == ["chance", "majority class", "test items"]


def test_gpt1s_figure_stands_beside_ours_where_the_data_set_is_one_of_its(run, monkeypatch):
    monkeypatch.setattr(finetune_tables, "GPT1_SCORES", {"package": 45.4})
    rows = {row[0]: row for row in finetune_table(results(run)).rows}
    assert rows["GPT-1, published"] == ("GPT-1, published", "–", "–", "45.4", "–", "")


def test_layer_transfers_are_rows_by_number_of_blocks(run):
    def transfer(record):
        for blocks, score, train in ((10, 0.9, 0.95), (2, 0.6, 0.7)):
            name = f"transfer-{blocks}"
            record["summary"][name] = spread(score)
            record["rows"] += [
                {"variant": name, "seed": seed, "accuracy": score, "train_score": train}
                for seed in (0, 1)
            ]

    assert transfer_table(results(run)) is None
    change(run, "metrics/finetune/package.json", transfer)
    table = transfer_table(results(run))
    assert table is not None
    assert table.columns == ("blocks", "package", "package on train")
    assert [(row[0], row[1].text, row[2]) for row in table.rows] == [
        ("2", "60.0 %", "70.0 %"),
        ("10", "90.0 %", "95.0 %"),
    ]
    assert table in finetuning_section(results(run)).tables


def test_confusions_of_the_full_variant_are_shown_if_labels_are_few(run):
    def confuse(labels):
        def edit(record):
            size = len(labels)
            table = [[size * i + j for j in range(size)] for i in range(size)]
            record.update(labels=labels, confusion={"full": table, "lstm": table})

        return edit

    assert confusion_tables(results(run)) == ()
    change(run, "metrics/finetune/package.json", confuse(["no", "yes"]))
    change(run, "metrics/finetune/summary.json", confuse([str(n) for n in range(9)]))
    [table] = confusion_tables(results(run))
    assert table.columns == ("", "no", "yes")
    assert table.rows == (
        ("no", Cell(text="0", strong=True), Cell(text="1")),
        ("yes", Cell(text="2"), Cell(text="3", strong=True)),
    )
    assert "package" in table.caption
