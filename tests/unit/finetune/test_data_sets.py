import pytest

from gptpath.errors import CorpusError
from gptpath.finetune.data_sets import read_task
from gptpath.text.labelled.task_files import TaskSpec, write_specs, write_task


@pytest.fixture
def write(tmp_path):
    def make(rows, kind="classification", columns=("text", "label"), labels=("a", "b")):
        spec = TaskSpec(name="toy", kind=kind, labels=labels, columns=columns, description="A toy.")
        items = [
            {"id": f"{i:03}", "document": f"d{i}", "split": split} | row
            for i, (split, row) in enumerate(rows)
        ]
        write_task(tmp_path, spec, items)
        write_specs(tmp_path, [spec])
        return spec

    return make


def texts(split, labels):
    return [(split, {"text": f"{split} {i}", "label": label}) for i, label in enumerate(labels)]


def test_splits_are_read_up_to_their_limits(tmp_path, write):
    rows = texts("train", [0, 1, 0]) + texts("validation", [0, 1, 1]) + texts("test", [1, 0, 1])
    task = read_task(tmp_path, write(rows), max_train=2, max_evaluated=1)
    assert (len(task.train), len(task.validation), len(task.test)) == (2, 1, 1)
    assert task.train[1]["text"] == "train 1"
    assert (task.name, task.kind, task.labels) == ("toy", "classification", ("a", "b"))


def test_answers_of_a_multiple_choice_task_are_its_labels(tmp_path, write):
    rows = [
        (split, {"context": "c", "choices": ["x", "y", "z"], "label": 0})
        for split in ("train", "validation", "test")
    ]
    spec = write(rows, "multiple-choice", ("context", "choices", "label"), labels=())
    assert read_task(tmp_path, spec, max_train=None, max_evaluated=None).labels == ("0", "1", "2")


def test_an_item_without_choices_is_shown(tmp_path, write):
    rows = [
        (split, {"context": "c", "choices": ["x"], "label": 0})
        for split in ("train", "validation", "test")
    ]
    spec = write(rows, "multiple-choice", ("context", "choices", "label"), labels=())
    with pytest.raises(CorpusError, match=r"two answers or more; row: .*'context': 'c'"):
        read_task(tmp_path, spec, max_train=None, max_evaluated=None)


def test_an_empty_split_is_refused(tmp_path, write):
    spec = write(texts("train", [0, 1]) + texts("test", [0]))
    with pytest.raises(CorpusError, match="'toy' has no validation items"):
        read_task(tmp_path, spec, max_train=None, max_evaluated=None)


def test_a_single_class_is_refused_and_shown(tmp_path, write):
    spec = write(texts("train", [1, 1]) + texts("validation", [0]) + texts("test", [0]))
    with pytest.raises(CorpusError, match=r"one label, .b.; .* row: .*'text': 'train 0'"):
        read_task(tmp_path, spec, max_train=None, max_evaluated=None)
