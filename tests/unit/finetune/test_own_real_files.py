"""Real public files that no table of ours knows, brought as a user would bring them."""

import gzip
import json
from collections import Counter

import pandas as pd
import pytest

from gptpath.config.data_sets import DataSet
from gptpath.finetune.own_files import load_own
from tests.shared_data import REAL

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="no shared data here")

SICK = {
    "train": "sick2014/SICK_train.tsv.gz",
    "validation": "sick2014/SICK_trial.tsv",
    "test": "sick2014/SICK_test_annotated.tsv.gz",
}


@pytest.fixture
def folder(tmp_path):
    """SICK's files under names that tell their format."""
    place = tmp_path / "sick2014"
    place.mkdir()
    for name in ("SICK_train.txt.gz", "SICK_trial.txt", "SICK_test_annotated.txt.gz"):
        (place / name.replace(".txt", ".tsv")).symlink_to(REAL / "sick2014" / name)
    return tmp_path


def test_sick_is_regression_and_entailment_after_a_line_of_parameters_each(folder):
    frames = {
        split: pd.read_csv(folder / file, sep="\t", quoting=3) for split, file in SICK.items()
    }
    scores = load_own(
        "relatedness",
        DataSet(
            kind="regression",
            **SICK,
            columns={
                "text_a": "sentence_A",
                "text_b": "sentence_B",
                "label": "relatedness_score",
            },
            score_range=(1, 5),
        ),
        folder,
        drop_duplicates=False,
    )
    sizes = {split: len(rows) for split, rows in scores.splits.items()}
    assert sizes == {"train": 4_500, "validation": 500, "test": 4_927}
    for split, rows in scores.splits.items():
        assert [row["label"] for row in rows] == list(frames[split]["relatedness_score"])
    labels = ("ENTAILMENT", "NEUTRAL", "CONTRADICTION")
    judged = load_own(
        "sick",
        DataSet(
            kind="entailment",
            **SICK,
            columns={
                "premise": "sentence_A",
                "hypothesis": "sentence_B",
                "label": "entailment_judgment",
            },
            labels=labels,
        ),
        folder,
        drop_duplicates=True,
    )
    found = Counter(labels[row["label"]] for row in judged.splits["test"])
    assert found == Counter(frames["test"]["entailment_judgment"])
    assert "\r" not in "".join(row["hypothesis"] for row in judged.splits["test"])


@pytest.mark.parametrize(
    ("file", "columns", "count"),
    [
        ("arc/arc_challenge.jsonl.gz", ("query", "choices", "gold"), 1_172),
        ("arc/arc_easy.jsonl.gz", ("query", "choices", "gold"), 2_376),
        ("boolq/boolq.jsonl.gz", ("query", "choices", "gold"), 3_270),
        ("hellaswag/hellaswag.jsonl.gz", ("ctx", "endings", "label"), 1_000),
    ],
)
def test_questions_with_two_to_five_answers_are_read(file, columns, count):
    context, choices, label = columns
    found = load_own(
        "mine",
        DataSet(
            kind="multiple-choice",
            train=file,
            columns={"context": context, "choices": choices, "label": label},
        ),
        REAL,
        drop_duplicates=True,
    )
    rows = [row for part in found.splits.values() for row in part]
    assert found.read == {"train": count}
    assert len(rows) + sum(found.dropped.values()) == count
    with gzip.open(REAL / file, "rt", encoding="utf-8") as stream:
        raw = [json.loads(line) for line in stream]
    assert Counter(len(row["choices"]) for row in rows) == Counter(len(row[choices]) for row in raw)
    by_id = {row["id"]: row for row in rows}
    for number, row in enumerate(raw, start=1):
        assert by_id[f"{file.split('/')[1]}:{number}"]["label"] == row[label]
