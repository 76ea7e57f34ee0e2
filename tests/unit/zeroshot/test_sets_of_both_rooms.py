"""CoLA, SST-2 and RACE, which zero-shot and fine-tuning read each in its own way, are the same."""

import json

import pytest

from gptpath.finetune.reading.collect import Tally, collect
from gptpath.finetune.suite.finding import Found
from gptpath.finetune.suite.finding import find as find_layout
from gptpath.finetune.suite.table import TABLE
from gptpath.zeroshot.benchmarks.files import read_rows
from gptpath.zeroshot.benchmarks.gpt1_sets import read_cola, read_race
from gptpath.zeroshot.heuristics import race_item, sentence_item
from gptpath.zeroshot.items import parse_items
from tests.shared_data import REAL

READERS = {
    "cola": (read_cola, sentence_item),
    "sst-2": (read_rows, sentence_item),
    "race": (read_race, race_item),
}


def of_finetuning(found, path):
    rows = collect(
        found.layout.reader.read(path), found.layout.fields, split="", tally=Tally(), refuse=False
    )
    if "choices" not in rows[0]:
        return [(row["text"], row["label"]) for row in rows]
    return [(f"{row['context']}\n{row['question']}", row["choices"], row["label"]) for row in rows]


def of_zeroshot(name, path):
    read, parse = READERS[name]
    items, _ = parse_items(read(path), parse)
    if name != "race":
        return [(item.text, item.label) for item in items]
    return [(item.context, [text.strip() for text in item.choices], item.label) for item in items]


@pytest.mark.parametrize("name", list(READERS))
@pytest.mark.skipif(not (REAL / "cola").is_dir(), reason="the real benchmarks are not here")
def test_both_rooms_read_the_same_texts_and_labels_from_real_files(name):
    found = find_layout(REAL, TABLE[name])
    assert isinstance(found, Found)
    for path in [path for files in found.files.values() for path in files]:
        assert of_zeroshot(name, path) == of_finetuning(found, path)


def test_both_rooms_read_the_same_texts_and_labels_from_published_layouts(tmp_path):
    passage = {
        "article": " A fox ran. ",
        "questions": ["Who ran?", "It _ ."],
        "options": [["a fox", "a dog"], ["ran", "sat"]],
        "answers": ["A", "B"],
    }
    for split in ("train", "dev", "test"):
        folder = tmp_path / "RACE" / split / "high"
        folder.mkdir(parents=True)
        (folder / "7.txt").write_text(json.dumps(passage))
    for name, line in (("CoLA", "gj\t1\t\tHe ran .\nxx\t0\t*\tRan he\n"), ("SST-2", None)):
        (tmp_path / name).mkdir()
        for file in ("train.tsv", "dev.tsv"):
            text = line or 'sentence\tlabel\nso "good" \t1\nbad\t0\n'
            (tmp_path / name / file).write_text(text)
    for name in READERS:
        found = find_layout(tmp_path, TABLE[name])
        assert isinstance(found, Found), found
        for path in found.files["test"]:
            folder = path.parents[1] if name == "race" else path
            assert of_zeroshot(name, folder) == of_finetuning(found, path)
            assert len(of_zeroshot(name, folder)) == 2
