"""A user's own labelled files in every format, and what is said of bad ones."""

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from gptpath.config.data_sets import DataSet, DataSets
from gptpath.config.loading import load_params
from gptpath.errors import CorpusError
from gptpath.finetune.data_sets import Absent, TaskRows, read_data_set

ROOT = Path(__file__).parents[3]
REVIEWS = [
    {"id": i, "body": f'Film {i}, "great"\tor not', "stars": "no" if i % 3 else "yes"}
    for i in range(40)
]
COLUMNS = {"text": "body", "label": "stars"}


@pytest.fixture
def read(tmp_path):
    """Read a data set `mine` of files below data/labelled of a checkout."""

    def of(settings, *, max_train=None, max_test=None, **section):
        params = load_params(ROOT / "params.yaml")
        finetune = replace(
            params.finetune, max_train_examples=max_train, max_test_examples=max_test
        )
        data_sets = DataSets(own={"mine": settings}, **section)
        changed = replace(params, finetune=finetune, data_sets=data_sets)
        found = read_data_set("mine", params=changed, root=tmp_path)
        assert isinstance(found, TaskRows)
        return found

    return of


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "data" / "labelled"
    place.mkdir(parents=True)
    return place


def described(train, **changes):
    return DataSet(
        **(
            {"kind": "classification", "train": train, "columns": COLUMNS, "labels": ("no", "yes")}
            | changes
        )
    )


def write_as(path, rows):
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        pl.DataFrame(rows).write_parquet(path)
    elif name.endswith(".json"):
        path.write_text(json.dumps(rows))
    else:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "wt", newline="", encoding="utf-8") as stream:
            if name.endswith(".jsonl"):
                stream.writelines(json.dumps(row) + "\n" for row in rows)
            else:
                writer = csv.DictWriter(
                    stream, rows[0], delimiter="," if name.endswith(".csv") else "\t"
                )
                writer.writeheader()
                writer.writerows(rows)
    return path.name


@pytest.mark.parametrize(
    "name",
    [
        "a.csv",
        "a.csv.gz",
        "A.CSV",
        "a.tsv",
        "a.tsv.gz",
        "a.jsonl",
        "a.jsonl.gz",
        "a.json",
        "a.parquet",
    ],
)
def test_every_format_gives_the_same_rows(folder, read, name):
    name = write_as(folder / name, REVIEWS) if name != "A.CSV" else name
    if name == "A.CSV":
        (folder / name).write_bytes((folder / write_as(folder / "b.csv", REVIEWS)).read_bytes())
    quotes = True if ".tsv" in name else None
    task = read(described(name, quotes=quotes))
    everything = sorted(
        (row for split in (task.train, task.validation, task.test) for row in split),
        key=lambda row: row["text"],
    )
    assert [(row["text"], row["label"]) for row in everything] == sorted(
        (row["body"], int(row["stars"] == "yes")) for row in REVIEWS
    )
    assert (task.kind, task.labels, task.metric) == ("classification", ("no", "yes"), "accuracy")
    assert task.counts.read == {"train": 40}
    assert sum(task.counts.kept.values()) == 40
    assert "test is 20% of the training rows held back" in task.splits_note


def test_files_of_their_own_for_each_split_are_left_whole(folder, read):
    for split, part in (("train", REVIEWS[:20]), ("dev", REVIEWS[20:25]), ("test", REVIEWS[25:])):
        write_as(folder / f"{split}.csv", part)
    task = read(described("train.csv", validation="dev.csv", test="test.csv"))
    assert [len(task.train), len(task.validation), len(task.test)] == [20, 5, 15]
    assert task.train[0]["id"] == "train.csv:2"
    assert task.splits_note == "train is train.csv, validation is dev.csv, test is test.csv"


def test_no_more_rows_are_taken_than_wished(folder, read):
    write_as(folder / "a.csv", REVIEWS)
    whole, some = read(described("a.csv")), read(described("a.csv"), max_train=9, max_test=3)
    assert [len(some.train), len(some.validation), len(some.test)] == [9, 3, 3]
    assert all(row in whole.train for row in some.train)
    assert some.counts.kept == whole.counts.kept


BAD_CSV = {
    'Fine,yes\n"Bad",maybe\n': (
        r"unknown label 'maybe' in column 'stars'; expected one of 'no', 'yes' \(unknown_label\); "
        r"correct or delete the row, or state bad_rows: set-aside; a\.csv, line 3: \"Bad\",maybe"
    ),
    "Fine,yes\nBad,\n": r"no label in column 'stars' \(missing_label\).*a\.csv, line 3: Bad,",
    "Fine,yes\n  ,no\n": r"empty text in column 'body' \(empty_text\).*a\.csv, line 3:",
    "Fine,yes\nBad\n": r"1 fields, expected 2 \(wrong_number_of_columns\).*line 3: Bad",
    'Fine,yes\n"B"ad,no\n': r"not doubled.*\(malformed_quotes\).*line 3: \"B\"ad,no",
    'Fine,yes\n"Two\nlines",no\nBad,none\n': r"unknown label 'none'.*line 5: Bad,none",
    'Fine,yes\n"Open,no\nMore,no\n': r"row that begins in line 3 .* never closed",
}


@pytest.mark.parametrize(("rows", "message"), BAD_CSV.items())
def test_the_first_bad_row_is_shown_with_file_and_line(folder, read, rows, message):
    (folder / "a.csv").write_text("body,stars\n" + rows)
    with pytest.raises(CorpusError, match=message):
        read(described("a.csv"))


def test_bad_rows_can_be_set_aside_and_are_counted(folder, read, caplog):
    write_as(folder / "a.csv", [{k: r[k] for k in ("body", "stars")} for r in REVIEWS])
    with (folder / "a.csv").open("a") as stream:
        stream.write('Bad,maybe\nWorse\n"W"orst,no\nAgain,maybe\n')
    task = read(described("a.csv", bad_rows="set-aside"))
    assert task.counts.read == {"train": 44}
    assert task.counts.set_aside == {
        "malformed_quotes": 1,
        "unknown_label": 2,
        "wrong_number_of_columns": 1,
    }
    assert task.counts.samples["unknown_label"][0].startswith("a.csv, line 42: Bad,maybe (unknown")
    assert sum(task.counts.kept.values()) == 40
    assert "mine: 2 rows set aside as unknown_label, such as a.csv, line 42" in caplog.text


def test_bytes_of_another_encoding_are_told_and_the_encoding_can_be_stated(folder, read):
    content = "body\tstars\n" + "".join(f"caf\xe9 {i}\t{['no', 'yes'][i % 2]}\n" for i in range(20))
    (folder / "a.tsv").write_bytes(content.encode("cp1252"))
    with pytest.raises(CorpusError, match=r"bytes that are not utf-8; state the file's encoding"):
        read(described("a.tsv"))
    task = read(described("a.tsv", encoding="cp1252"))
    assert task.train[0]["text"].startswith("café")


def test_a_wrong_column_name_says_what_there_is(folder, read):
    write_as(folder / "a.jsonl", REVIEWS)
    with pytest.raises(CorpusError, match=r"no column 'boddy'; there are 'id', .* mean 'body'"):
        read(described("a.jsonl", columns={"text": "boddy", "label": "stars"}))


def test_a_single_label_in_train_is_refused(folder, read):
    write_as(folder / "a.csv", [row | {"stars": "yes"} for row in REVIEWS])
    with pytest.raises(CorpusError, match="items of task 'mine' have one label, 'yes'; .*nothing"):
        read(described("a.csv"))


def test_a_label_that_no_training_row_has_is_warned_of(folder, read, caplog):
    write_as(folder / "a.csv", REVIEWS)
    read(described("a.csv", labels=("no", "yes", "perhaps")))
    assert "data set mine: no training row has 'perhaps'" in caplog.text


def test_rows_of_train_that_are_in_test_go_from_train_unless_they_may_stay(folder, read):
    write_as(folder / "train.csv", REVIEWS)
    write_as(folder / "test.csv", [REVIEWS[3] | {"body": REVIEWS[3]["body"].upper()}, REVIEWS[4]])
    settings = described("train.csv", test="test.csv")
    task = read(settings)
    total = sum(task.counts.dropped.values())
    assert total == sum(task.counts.duplicates.values()) == 2
    assert len(task.train) + len(task.validation) == 38
    left = read(settings, drop_duplicates=False)
    assert len(left.train) + len(left.validation) == 40
    assert (left.counts.duplicates, left.counts.dropped) == (task.counts.duplicates, {})


def test_a_table_that_looks_quoted_is_warned_of(folder, read, caplog):
    write_as(folder / "a.tsv", [row | {"body": row["body"].replace("\t", " ")} for row in REVIEWS])
    read(described("a.tsv"))
    assert "40 rows of" in caplog.text
    assert "state quotes: true if they are" in caplog.text


def test_regression_and_multiple_choice_of_any_number_of_answers(folder, read):
    pairs = [{"a": f"one {i}", "b": f"two {i}", "score": i % 5} for i in range(30)]
    write_as(folder / "pairs.jsonl", pairs)
    task = read(
        DataSet(
            kind="regression",
            train="pairs.jsonl",
            columns={"text_a": "a", "text_b": "b", "label": "score"},
            score_range=(0, 4),
            metric="spearman",
        )
    )
    assert (task.kind, task.labels, task.metric) == ("regression", (), "spearman")
    assert task.score_range == (0, 4)
    assert {row["label"] for row in task.train} == {0.0, 1.0, 2.0, 3.0, 4.0}
    items = [
        {"context": f"c {i}", "choices": ["x", "y", "z", "w"][: 2 + i % 3], "label": i % 2}
        for i in range(30)
    ]
    write_as(folder / "items.parquet", items)
    task = read(DataSet(kind="multiple-choice", train="items.parquet"))
    assert task.labels == ("0", "1", "2", "3")
    assert {len(row["choices"]) for row in task.train} == {2, 3, 4}


def test_answers_in_columns_of_their_own_and_a_question(folder, read):
    rows = [
        {
            "story": f"s {i}",
            "ask": "Q?",
            "e1": "a",
            "e2": "b",
            "e3": "c" if i % 2 else "",
            "k": "AB"[i % 2],
        }
        for i in range(30)
    ]
    write_as(folder / "a.csv", rows)
    task = read(
        DataSet(
            kind="multiple-choice",
            train="a.csv",
            columns={
                "context": "story",
                "question": "ask",
                "choices": ("e1", "e2", "e3"),
                "label": "k",
            },
            labels=("A", "B", "C"),
        )
    )
    assert task.train[0]["question"] == "Q?"
    assert {len(row["choices"]) for row in task.train} == {2, 3}


def test_a_file_of_unknown_format_and_a_missing_one_are_refused(folder, read):
    (folder / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(CorpusError, match=r"format of .*a\.xlsx by its name; known endings: \.csv"):
        read(described("a.xlsx"))
    with pytest.raises(CorpusError, match=r"there is no file .*labelled/none\.csv"):
        read(described("none.csv"))
    (folder / "empty.csv").write_text("body,stars\n")
    with pytest.raises(CorpusError, match="data set 'mine' has no train rows"):
        read(described("empty.csv"))


def test_published_sets_are_read_by_name_or_absent(tmp_path):
    params = load_params(ROOT / "params.yaml")
    folder = tmp_path / "data" / "benchmarks" / "RTE"
    folder.mkdir(parents=True)
    lines = [f"{i}\tp {i}\th {i}\t{'not_' * (i % 2)}entailment" for i in range(20)]
    for name, part in (("train.tsv", lines), ("dev.tsv", [*lines[:2], "30\tp\th\tentailment"])):
        (folder / name).write_text("\n".join(["index\tsentence1\tsentence2\tlabel", *part]))
    task = read_data_set("rte", params=params, root=tmp_path)
    assert isinstance(task, TaskRows)
    assert (task.metric, task.labels) == ("accuracy", ("entailment", "not_entailment"))
    assert sum(task.counts.duplicates.values()) == sum(task.counts.dropped.values()) == 2
    (folder / "dev.tsv").write_bytes((folder / "train.tsv").read_bytes())
    with pytest.raises(CorpusError, match="all 18 train rows of data set 'rte' are in a later"):
        read_data_set("rte", params=params, root=tmp_path)
    absent = read_data_set("scitail", params=params, root=tmp_path)
    assert isinstance(absent, Absent)
    assert (absent.kind, absent.metric) == ("entailment", "accuracy")
