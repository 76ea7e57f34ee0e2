"""Where a data set is looked for: in the folder, as the hub's files, on the hub, or nowhere."""

from dataclasses import replace

import polars as pl

from gptpath.finetune.suite.loading import load_published
from gptpath.finetune.suite.table import TABLE
from tests.unit.finetune.suite.published import SETTINGS, load, numbered, sizes


def test_parquet_files_of_the_hub_may_lie_here(tmp_path):
    folder = tmp_path / "glue" / "stsb"
    folder.mkdir(parents=True)
    for split, scores in (("train", [1.0, 4.5] * 10), ("validation", [5.0, -1.0])):
        n = len(scores)
        columns = {
            "sentence1": [f"a{i}" for i in range(n)],
            "sentence2": [f"b{i}" for i in range(n)],
            "label": scores,
        }
        pl.DataFrame(columns).write_parquet(folder / f"{split}-00000-of-00001.parquet")
    found = load("sts-b", tmp_path)
    assert sizes(found) == {"train": 18, "validation": 2, "test": 1}
    assert found.set_aside == {"unlabelled": 1}


def test_an_absent_set_names_the_files_that_are_missing_of_the_nearest_layout(tmp_path, write):
    reason = load_published(TABLE["qnli"], tmp_path, SETTINGS)
    assert isinstance(reason, str)
    assert "no qnli/train.tsv, qnli/dev.tsv in the folder of zeroshot.benchmarks_dir" in reason
    assert "data_sets.hub: true loads it from the Hugging Face hub" in reason
    write("QNLI/train.tsv", [["index"]])
    reason = load_published(TABLE["qnli"], tmp_path, SETTINGS)
    assert isinstance(reason, str)
    assert reason.startswith("no QNLI/dev.tsv in the folder")
    asked = replace(SETTINGS, hub=True)
    reason = load_published(TABLE["story-cloze"], tmp_path, asked)
    assert isinstance(reason, str)
    assert reason.endswith("the Hugging Face hub does not have it")


def test_the_hub_is_asked_at_the_pinned_revision_only_for_what_is_not_here(tmp_path, write):
    asked = []

    def hub(data_set, config, revision, split):
        asked.append((data_set, config, revision[:8], split))
        return [
            {"question1": f"a{i}", "question2": f"b{i}", "label": i % 2, "idx": i}
            for i in range(20)
        ] + [{"question1": "a", "question2": "b", "label": -1, "idx": 20}]

    settings = replace(SETTINGS, hub=True)
    found = load("qqp", tmp_path, settings, load=hub)
    assert asked == [
        ("nyu-mll/glue", "qqp", "bcdcba79", "train"),
        ("nyu-mll/glue", "qqp", "bcdcba79", "validation"),
    ]
    assert sizes(found) == {"train": 18, "validation": 2, "test": 20}
    assert found.set_aside == {"unlabelled": 2}
    assert found.note == (
        "nyu-mll/glue at bcdcba79d07b: train and test are the hub's train and validation splits, "
        "validation is a part of train held back"
    )
    asked.clear()
    load("qqp", tmp_path, replace(settings, revisions={"nyu-mll/glue": "a" * 40}), load=hub)
    assert {revision for _, _, revision, _ in asked} == {"aaaaaaaa"}
    asked.clear()
    header = ["id", "qid1", "qid2", "question1", "question2", "is_duplicate"]
    write("QQP/train.tsv", [header, *numbered(9, "1", "1", "2", "One {}?", "Two {}?", "1")])
    write("QQP/dev.tsv", [header, *numbered(9, "1", "1", "2", "One {}?", "Two {}?", "1")])
    load("qqp", tmp_path, settings, load=hub)
    assert asked == []
