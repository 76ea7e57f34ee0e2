import io
import json
import re

import pytest

from gptpath.cli import main
from gptpath.config.model import ModelConfig
from gptpath.finetune.folder import load_classifier, save_classifier
from gptpath.model.build import build_model
from gptpath.model.heads import TaskModel
from gptpath.tokens.bpe import write_tokenizer

CONFIG = ModelConfig(n_layer=1, n_head=2, n_embd=32, context_length=32, vocab_size=257)
KINDS = {
    "classification": ("a", "b"),
    "entailment": ("a", "b"),
    "multiple-choice": ("0", "1"),
    "regression": ("0", "1", "2"),
}


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    """A checkout with one classifier folder of each kind."""
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    write_tokenizer(tmp_path / "tokenizer", [bytes([n]) for n in range(256)], name="bytes")
    for kind, labels in KINDS.items():
        model = TaskModel(
            build_model(CONFIG, seed=0), kind=kind, n_labels=len(labels), dropout=0.0, seed=1
        )
        save_classifier(
            tmp_path / kind,
            model,
            labels=labels,
            description={},
            step=1,
            tokenizer_folder=tmp_path / "tokenizer",
            score_range=(0.0, 2.0) if kind == "regression" else None,
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def classify(*arguments):
    return main(["classify", *arguments, "--threads", "1"])


def answers(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("kind", "texts", "rows"),
    [
        ("classification", ["one", "two"], [{"text": "one"}, {"text": "two"}]),
        ("entailment", ["one", "two"], [{"premise": "one", "hypothesis": "two"}]),
        ("multiple-choice", ["c", "x", "y", "z"], [{"context": "c", "choices": ["x", "y", "z"]}]),
        ("regression", ["one", "two"], [{"text_a": "one", "text_b": "two"}]),
    ],
)
def test_texts_of_the_command_line_and_rows_of_a_file_get_one_answer(
    checkout, capsys, kind, texts, rows
):
    assert classify(*texts, "--model", kind) == 0
    found = answers(capsys)
    assert found == load_classifier(checkout / kind).predict(rows)
    assert ("score" in found[0]) == (kind == "regression")
    (checkout / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    assert classify("--file", "rows.jsonl", "--model", kind) == 0
    assert answers(capsys) == found


def test_a_byte_order_mark_is_passed_over_in_files_and_on_standard_input(
    checkout, capsys, monkeypatch
):
    text = '\ufeff{"text": "one"}\r\n'
    (checkout / "rows.jsonl").write_text(text, encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    for source in ("rows.jsonl", "-"):
        assert classify("--file", source, "--model", "classification") == 0
    found = answers(capsys)
    assert len(found) == 2
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "classification"], "nothing to label"),
        (["one", "--model", "entailment"], "1 texts; expected two: premise and hypothesis"),
        (["one", "two", "--model", "multiple-choice"], "expected the context and two answers"),
        (["one", "--model", "tokenizer"], "tokenizer is not a classifier folder"),
        (["--file", "absent.jsonl", "--model", "classification"], "absent.jsonl cannot be read"),
        (["--file", "bad.jsonl", "--model", "classification"], "bad.jsonl:2 is not JSON"),
        (["--file", "list.jsonl", "--model", "classification"], "list.jsonl:1 is not a JSON obj"),
        (["--file", "row.jsonl", "--model", "classification"], "column 'text'; .*'words': 'x'"),
    ],
)
def test_what_cannot_be_labelled_is_shown(checkout, capsys, arguments, message):
    (checkout / "bad.jsonl").write_text('{"text": "x"}\n{"text": \n')
    (checkout / "list.jsonl").write_text("[1]\n")
    (checkout / "row.jsonl").write_text('{"words": "x"}\n')
    assert classify(*arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err)
