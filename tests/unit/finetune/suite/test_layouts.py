"""Every published layout in small: made files where no real ones may be copied."""

import csv
import gzip
import json

import pytest
from sklearn.model_selection import train_test_split

from gptpath.finetune.suite.choices import ROC_SEED, ROC_VALIDATION, roc_split
from gptpath.finetune.suite.table import TABLE
from tests.unit.finetune.suite.published import load, numbered, sizes

THREE = ("entailment", "neutral", "contradiction")


def test_mnlis_sixteen_columns_are_read_by_name_and_dash_is_no_label(tmp_path, write):
    header = ["index", "promptID", "pairID", "genre", "p1", "p2", "s1", "s2", "sentence1"]
    train = [
        [
            str(i),
            "1",
            "1n",
            "fiction",
            "(",
            "(",
            "(",
            "(",
            f'p"{i}',
            f"h{i}",
            "neutral",
            THREE[i % 3],
        ]
        for i in range(30)
    ]
    write("MNLI/train.tsv", [[*header, "sentence2", "label1", "gold_label"], *train])
    labels = [f"label{i}" for i in range(1, 6)]
    dev = [
        [*row[:10], *["neutral"] * 5, gold]
        for row, gold in zip(train[:4], [*THREE, "-"], strict=True)
    ]
    for which in ("matched", "mismatched"):
        write(f"MNLI/dev_{which}.tsv", [[*header, "sentence2", *labels, "gold_label"], *dev])
    for name in ("mnli-m", "mnli-mm"):
        found = load(name, tmp_path)
        assert sizes(found) == {"train": 27, "validation": 3, "test": 3}
        assert found.set_aside == {"unlabelled": 1}
        assert found.splits["test"][2] == {
            "id": f"dev_{'mis' * (name == 'mnli-mm')}matched.tsv:4",
            "premise": 'p"2',
            "hypothesis": "h2",
            "label": 2,
        }


def test_multinlis_own_json_lines_are_read(tmp_path, write):
    rows = [
        {"sentence1": f"p{i}", "sentence2": f"h{i}", "gold_label": (*THREE, "-")[i % 4]}
        for i in range(40)
    ]
    for name in ("train", "dev_matched", "dev_mismatched"):
        write(f"multinli_1.0/multinli_1.0_{name}.jsonl", rows)
    found = load("mnli-mm", tmp_path)
    assert sizes(found) == {"train": 27, "validation": 3, "test": 30}
    assert found.set_aside == {"unlabelled": 20}


def test_scitails_two_formats_give_the_same_rows(tmp_path, write):
    labels = ("neutral", "entails")
    for split in ("train", "dev", "test"):
        rows = [[f'pre"{split}{i}', f"hyp{i}", labels[i % 2]] for i in range(4)]
        write(f"SciTailV1.1/tsv_format/scitail_1.0_{split}.tsv", rows)
        write(
            f"other/SciTailV1.1/snli_format/scitail_1.0_{split}.txt",
            [
                {
                    "sentence1": p,
                    "sentence2": h,
                    "gold_label": label.replace("entails", "entailment"),
                }
                for p, h, label in rows
            ],
        )
    one, other = load("scitail", tmp_path), load("scitail", tmp_path / "other")
    plain = [[{**row, "id": ""} for row in found.splits["test"]] for found in (one, other)]
    assert plain[0] == plain[1]
    assert plain[0][1] == {"id": "", "premise": 'pre"test1', "hypothesis": "hyp1", "label": 1}
    assert TABLE["scitail"].labels[1] == "entailment"
    assert sizes(one) == {"train": 4, "validation": 4, "test": 4}


def test_qnlis_question_comes_first(tmp_path, write):
    header = ["index", "question", "sentence", "label"]
    rows = numbered(20, "{}", "What {}?", "Sentence {}.", "entailment")
    write("QNLI/train.tsv", [header, *rows])
    write("QNLI/dev.tsv", [header, ["0", "Q?", "S.", "not_entailment"], ["1", "Q?", "S."]])
    found = load("qnli", tmp_path)
    assert found.splits["test"] == [
        {"id": "dev.tsv:2", "premise": "Q?", "hypothesis": "S.", "label": 1}
    ]
    assert found.set_aside == {"wrong_number_of_columns": 1}


def test_story_cloze_joins_four_sentences_and_takes_two_endings(tmp_path, write):
    header = [
        "InputStoryid",
        *[f"InputSentence{i}" for i in range(1, 5)],
        "RandomFifthSentenceQuiz1",
        "RandomFifthSentenceQuiz2",
        "AnswerRightEnding",
    ]
    stories = [
        [f"id{i}", "A, he said.", 'Then "B".', "C.", f"D {i}.", "E.", "F.", str(i % 2 + 1)]
        for i in range(10)
    ]
    for which, short in (("val", "val"), ("test", "test")):
        write(
            f"story-cloze/cloze_test_{which}__spring2016 - cloze_test_ALL_{short}.csv",
            [header, *stories],
            delimiter=",",
            quoting=csv.QUOTE_MINIMAL,
        )
    found = load("story-cloze", tmp_path)
    assert sizes(found) == {"train": 8, "validation": 2, "test": 10}
    row = found.splits["test"][1]
    assert row["context"] == 'A, he said. Then "B". C. D 1.'
    assert (row["choices"], row["label"]) == (["E.", "F."], 1)


def test_the_stories_are_split_as_the_released_code_does_with_scikit_learn():
    items = [{"id": str(i)} for i in range(1_871)]
    train, validation = train_test_split(items, test_size=ROC_VALIDATION, random_state=ROC_SEED)
    assert roc_split(items) == (train, validation)
    assert (len(train), len(validation)) == (1_497, 374)


def test_races_tree_has_levels_and_questions_of_their_own(tmp_path):
    for split in ("train", "dev", "test"):
        for level in ("middle", "high"):
            folder = tmp_path / "RACE" / split / level
            folder.mkdir(parents=True)
            for number in range(2):
                passage = {
                    "article": f"{level} {split} {number}",
                    "questions": ["Q _ ?", "R ?"],
                    "options": [["a", "b", "c", "d"], ["e", "f", "g", "h"]],
                    "answers": ["D", "A"],
                    "id": f"{level}{number}.txt",
                }
                (folder / f"{number}.txt").write_text(json.dumps(passage))
    for name, count in (("race-m", 4), ("race-h", 4), ("race", 8)):
        found = load(name, tmp_path)
        assert sizes(found) == {"train": count, "validation": count, "test": count}
        assert len({row["id"] for row in found.splits["test"]}) == count
    assert load("race-m", tmp_path).splits["test"][0] == {
        "id": "middle/0.txt:1",
        "context": "middle test 0",
        "choices": ["a", "b", "c", "d"],
        "question": "Q _ ?",
        "label": 3,
    }


def test_races_files_may_be_packed(tmp_path):
    passage = {"article": "It rains.", "questions": ["Q ?"], "options": [["a", "b", "c", "d"]]}
    text = json.dumps(passage | {"answers": ["B"]})
    for split in ("train", "dev", "test"):
        folder = tmp_path / "RACE" / split / "high"
        folder.mkdir(parents=True)
        (folder / "7.txt.gz").write_bytes(gzip.compress(text.encode()))
    found = load("race-h", tmp_path)
    assert sizes(found) == {"train": 1, "validation": 1, "test": 1}
    assert found.splits["train"][0]["label"] == 1


def test_the_sts_benchmark_may_lack_its_last_two_columns(tmp_path, write):
    for split in ("train", "dev", "test"):
        row = ["main-news", "MSRpar", "2012test", "0001", "2.500", 'He said "no".', "He said no."]
        write(f"stsbenchmark/sts-{split}.csv", [row, [*row, "src1", "src2"], row[:6]])
    found = load("sts-b", tmp_path)
    assert sizes(found) == {"train": 2, "validation": 2, "test": 2}
    assert found.set_aside == {"wrong_number_of_columns": 3}
    assert found.splits["test"][1]["label"] == 2.5


def test_sst_2_is_glues_unless_its_test_file_has_labels(tmp_path, write):
    rows = [[f"phrase {i}", str(i % 2)] for i in range(20)]
    write("SST-2/train.tsv", [["sentence", "label"], *rows])
    write("SST-2/dev.tsv", [["sentence", "label"], *rows[:4]])
    write("SST-2/test.tsv", [["index", "sentence"], ["0", "no label"]])
    found = load("sst-2", tmp_path)
    assert sizes(found) == {"train": 18, "validation": 2, "test": 4}
    assert found.note.startswith("GLUE's SST-2: test is GLUE's labelled dev split")
    write("SST-2/test.tsv", [["sentence", "label"], *rows[:5]])
    assert sizes(load("sst-2", tmp_path)) == {"train": 20, "validation": 4, "test": 5}


@pytest.mark.parametrize(
    ("name", "folder", "train", "header", "row"),
    [
        ("cola", "CoLA", "train.tsv", None, ["gj04", "1", "", "A sentence {}."]),
        (
            "mrpc",
            "MRPC",
            "train.tsv",
            ["\ufeffQuality", "#1 ID", "#2 ID", "#1 String", "#2 String"],
            ["1", "1", "2", 'One "{}', "Two {}"],
        ),
        (
            "qqp",
            "QQP",
            "train.tsv",
            ["id", "qid1", "qid2", "question1", "question2", "is_duplicate"],
            ["1", "1", "2", "One {}?", "Two {}?", "1"],
        ),
    ],
)
def test_glues_files_hold_back_a_tenth_and_test_on_dev(
    tmp_path, write, name, folder, train, header, row
):
    rows = numbered(20, *row)
    write(f"{folder}/{train}", [header, *rows] if header else rows)
    write(f"{folder}/dev.tsv", [header, *rows[:3]] if header else rows[:3])
    found = load(name, tmp_path)
    assert sizes(found) == {"train": 18, "validation": 2, "test": 3}
    assert {item["label"] for item in found.splits["train"]} == {1}
