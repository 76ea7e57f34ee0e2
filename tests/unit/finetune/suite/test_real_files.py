"""The published files themselves, counted a second time by other means: pandas, json, csv."""

import json
import shutil
from collections import Counter

import pandas as pd
import pytest

from gptpath.config.data_sets import DataSets
from gptpath.finetune.reading.assemble import Assembled
from gptpath.finetune.suite.loading import load_published
from gptpath.finetune.suite.table import TABLE
from tests.shared_data import REAL

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="no shared data here")

AS_PUBLISHED = DataSets(drop_duplicates=False)

SIZES = {
    "cola": ((8_551, 1_043), (7_696, 855, 1_043)),
    "sst-2": ((60_614, 6_735, 872), (60_614, 6_735, 872)),
    "mrpc": ((4_076, 1_725), (3_668, 408, 1_725)),
    "sts-b": ((5_749, 1_500), (5_169, 580, 1_500)),
    "qqp": ((8_999, 1_000), (8_099, 900, 1_000)),
    "mnli-m": ((8_999, 1_000), (8_099, 900, 1_000)),
    "snli": ((9_842, 9_824), (8_856, 986, 9_824)),
    "rte": ((2_490, 277), (2_241, 249, 277)),
    "race": ((1_000,), (720, 80, 200)),
    "race-m": ((500,), (360, 40, 100)),
    "race-h": ((500,), (360, 40, 100)),
}
"""Rows of the files, and of train, validation and test."""


def load(name, folder=REAL, settings=AS_PUBLISHED):
    found = load_published(TABLE[name], folder, settings)
    assert isinstance(found, Assembled), found
    return found


def table(file, **options):
    settings = {"sep": "\t", "quoting": 3, "keep_default_na": False, "dtype": str}
    return pd.read_csv(REAL / file, **(settings | options))


@pytest.mark.parametrize("name", SIZES)
def test_every_row_of_the_real_files_is_read(name):
    found = load(name)
    read, sizes = SIZES[name]
    assert tuple(found.read.values()) == read
    assert tuple(map(len, found.splits.values())) == sizes
    assert found.set_aside == {}
    ids = [row["id"] for rows in found.splits.values() for row in rows]
    assert len(set(ids)) == len(ids) == sum(read)


@pytest.mark.parametrize("name", ["mnli-mm", "scitail", "qnli", "story-cloze"])
def test_sets_that_are_not_among_the_real_files_are_absent_by_name(name):
    reason = load_published(TABLE[name], REAL, AS_PUBLISHED)
    assert isinstance(reason, str)
    assert reason.startswith("no ")


def labels(found, *splits):
    return Counter(row["label"] for split in splits for row in found.splits[split])


def test_labels_of_the_real_tables_are_those_that_pandas_reads():
    names = ["source", "label", "mark", "sentence"]
    folder = "cola/cola_public/raw"
    train = table(f"{folder}/in_domain_train.tsv.gz", names=names)
    devs = [table(f"{folder}/{d}_dev.tsv", names=names) for d in ("in_domain", "out_of_domain")]
    found = load("cola")
    assert labels(found, "train", "validation") == Counter(train["label"].astype(int))
    assert [row["text"] for row in found.splits["test"]] == [
        text.strip() for dev in devs for text in dev["sentence"]
    ]
    assert labels(found, "test") == Counter(pd.concat(devs)["label"].astype(int))

    found = load("sst-2")
    assert labels(found, "test") == Counter(table("sst-2/test.tsv")["label"].astype(int))
    assert labels(found, "train") == Counter(table("sst-2/train.tsv.gz")["label"].astype(int))

    found = load("mrpc")
    test = table("mrpc/msr_paraphrase_test.txt.gz", encoding="utf-8-sig")
    assert labels(found, "test") == Counter(test["Quality"].astype(int))
    assert [row["text_b"] for row in found.splits["test"]] == list(test["#2 String"].str.strip())

    found = load("sts-b")
    dev = table("sts-b/dev.tsv.gz")
    assert [row["label"] for row in found.splits["test"]] == list(dev["score"].astype(float))
    assert [row["text_a"] for row in found.splits["test"]] == list(dev["sentence1"].str.strip())

    found = load("rte")
    assert labels(found, "test") == Counter(
        table("rte/glue/dev.tsv")["label"].map({"entailment": 0, "not_entailment": 1})
    )


def test_quoted_fields_of_the_real_snli_are_those_that_pandas_reads():
    found = load("snli")
    test = table("snli/becel/test.tsv.gz", quoting=0)
    assert [(row["premise"], row["hypothesis"], row["label"]) for row in found.splits["test"]] == [
        (premise.strip(), hypothesis.strip(), int(label))
        for premise, hypothesis, label in test.itertuples(index=False)
    ]
    premises = [{row["premise"] for row in found.splits[s]} for s in ("train", "validation")]
    assert not premises[0] & premises[1]
    assert "SNLI's train split is not here" in found.note


def test_real_race_questions_keep_their_passages_together_and_their_answers(tmp_path):
    found = load("race")
    passages = [{row["context"] for row in rows} for rows in found.splits.values()]
    assert not passages[0] & passages[1] | passages[0] & passages[2] | passages[1] & passages[2]
    frame = pd.read_json(REAL / "race/race.jsonl.gz", lines=True)
    rows = {row["id"]: row for rows in found.splits.values() for row in rows}
    for number, (options, answer) in enumerate(
        zip(frame["options"], frame["answer"], strict=True), start=1
    ):
        row = rows[f"race.jsonl.gz:{number}"]
        assert row["choices"] == [option.strip() for option in options]
        assert row["label"] == "ABCD".index(answer)


def test_the_official_snli_sample_sets_dashes_aside_in_both_formats(tmp_path):
    for ending in ("jsonl", "txt"):
        folder = tmp_path / ending / "snli_1.0"
        folder.mkdir(parents=True)
        official = REAL / "snli" / "official_sample"
        for split in ("train", "dev", "test"):
            source = official / f"snli_1.0_{split}.{ending}"
            if not source.exists():  # of the text format the sample has no train
                source = official / f"snli_1.0_dev.{ending}"
            shutil.copy(source, folder / f"snli_1.0_{split}.{ending}")
        gold = [
            json.loads(line)["gold_label"]
            for split in ("dev", "test")
            for line in (official / f"snli_1.0_{split}.jsonl").read_text().splitlines()
        ]
        found = load("snli", tmp_path / ending)
        kept = len(found.splits["validation"]) + len(found.splits["test"])
        assert kept == len(gold) - gold.count("-")


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("mnli-m", {"train.tsv": "train.tsv", "dev_matched.tsv": "dev_matched.tsv"}),
        ("qqp", {"train.tsv": "train.tsv", "dev.tsv": "dev.tsv"}),
    ],
)
def test_real_rows_in_glues_own_columns_are_read(tmp_path, name, files):
    folder = "mnli" if name == "mnli-m" else name
    (tmp_path / folder).mkdir()
    for source, target in files.items():
        shutil.copy(REAL / folder / "k-shot" / "16-13" / source, tmp_path / folder / target)
    found = load(name, tmp_path)
    assert found.set_aside == {}
    count = {"mnli-m": 48, "qqp": 32}[name]
    assert sum(found.read.values()) == 2 * count
    per_class = count // len(TABLE[name].labels)
    assert set(labels(found, "test").values()) == {per_class}


def test_rows_wider_than_their_header_in_a_real_file_are_counted_and_shown(tmp_path):
    """A few of these SNLI rows have the five annotators of dev rows under the header of train."""
    source = REAL / "snli" / "k-shot" / "16-13"
    header, *lines = (source / "dev.tsv").read_text(encoding="utf-8").split("\n")
    wide = sum(bool(line) and line.count("\t") > header.count("\t") for line in lines)
    folder = tmp_path / "snli_1.0"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        shutil.copy(source / "dev.tsv", folder / f"snli_1.0_{split}.txt")
    found = load("snli", tmp_path)
    assert wide == 6
    assert found.set_aside == {"wrong_number_of_columns": 3 * wide}
    assert "15 fields, expected 11" in found.samples["wrong_number_of_columns"][0]
    assert len(found.splits["test"]) == 48 - wide


def test_real_rows_that_are_in_train_and_test_are_counted_and_left_out():
    found = load("cola", settings=DataSets())
    raw = REAL / "cola/cola_public/raw"
    names = ["source", "label", "mark", "sentence"]
    plain = [
        table(raw / file, names=names)["sentence"].str.lower().str.split().str.join(" ")
        for file in ("in_domain_train.tsv.gz", "in_domain_dev.tsv", "out_of_domain_dev.tsv")
    ]
    shared = plain[0].isin(set(pd.concat(plain[1:]))).sum()
    assert found.dropped == {"train": 16, "validation": 2}
    assert sum(found.dropped.values()) == shared
    assert found.duplicates == {"train/test": 16, "validation/test": 2}
    assert load("cola").duplicates == found.duplicates
