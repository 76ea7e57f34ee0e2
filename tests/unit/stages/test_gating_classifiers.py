"""The gate on classifiers of a user's own data set: first champion, worse, better, other data."""

import csv
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from gptpath.cli import main
from gptpath.config.loading import load_params
from gptpath.config.model import ModelConfig
from gptpath.errors import ConfigError
from gptpath.events import ModelFinished
from gptpath.finetune.folder import save_classifier
from gptpath.gate.contenders import gated_models
from gptpath.model.build import build_model
from gptpath.model.heads import TaskModel
from gptpath.stages.gating_classifiers import check_inputs
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tracking.decisions import undecided
from gptpath.tracking.lineage import StageInput
from gptpath.tracking.store import open_client
from tests.unit.registry_checkout import MARKS, make_checkout, register, verdict

pytestmark = MARKS

MODEL = "gpt1-laptop-mine"
NAME = f"gptpath-{MODEL}"
CONFIG = ModelConfig(norm="pre", n_layer=1, n_head=1, n_embd=16, context_length=64, vocab_size=257)
BASE = "models/pretrained/gpt1-laptop"
LOCK = f"""
schema: '2.0'
stages:
  pretrain@gpt1-laptop:
    cmd: gptpath pretrain gpt1-laptop
    outs: [{{path: {BASE}, md5: base.dir}}]
"""
LABELS = ("no", "maybe", "yes")


def texts(count: int, seed: int) -> list[str]:
    chooser = random.Random(seed)
    return [" ".join(str(chooser.randrange(1000)) for _ in range(12)) for _ in range(count)]


def write_rows(path: Path, rows: list[str], yes_of_ten: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([t, "yes" if i % 10 < yes_of_ten else "no"] for i, t in enumerate(rows))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {name: f"{name}.csv" for name in ("train", "validation", "test")}
    mine = {"kind": "classification", "labels": list(LABELS), **files}
    sections = {
        "gate": {"min_items": 20, "samples": 200},
        "compute": {"device": "cpu"},
        "data_sets": {"folder": "data/labelled", "own": {"mine": mine}},
        "matrix": {"finetune_tasks": ["wording", "mine"]},
    }
    make_checkout(tmp_path, monkeypatch, sections)
    (tmp_path / "dvc.lock").write_text(LOCK)
    for seed, name in enumerate(files):
        write_rows(tmp_path / "data/labelled" / f"{name}.csv", texts(60, seed), 7)
    write_tokenizer(tmp_path / "tokenizer", [bytes([n]) for n in range(256)], name="bytes")
    return tmp_path


def train(
    root: Path,
    says: str,
    *,
    base: str = "base.dir",
    labels: tuple[str, ...] = LABELS,
    seed: int = 1,
) -> None:
    """Put a classifier that always says the same where fine-tuning leaves it, and register it."""
    folder = root / "models" / "finetuned" / "mine" / "full"
    head = TaskModel(
        build_model(CONFIG, seed=seed),
        kind="classification",
        n_labels=len(labels),
        dropout=0.0,
        seed=2,
    )
    with torch.no_grad():
        head.head.bias[labels.index(says)] = 100.0
    save_classifier(
        folder,
        head,
        labels=labels,
        description={"task": "mine", "variant": "full", "pretrained": "gpt1-laptop"},
        step=1,
        tokenizer_folder=root / "tokenizer",
    )
    model = ModelFinished(name=MODEL, path=folder, kind="classifier", metrics={})
    pretrained = StageInput(path=BASE, md5=base, producer="pretrain@gpt1-laptop")
    register(root, model, stage="finetune", inputs=[pretrained])


def test_only_a_better_classifier_of_the_same_labels_takes_the_champions_place(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(root, "no")
    client = open_client(root)
    assert undecided(client, root, [MODEL]) == (MODEL,)
    assert verdict(root, MODEL)[0] == "promote"
    assert verdict(root, MODEL) == ("unchanged", "")
    assert undecided(client, root, [MODEL]) == ()

    train(root, "maybe")
    found, reason = verdict(root, MODEL)
    assert (found, reason.split(":")[0]) == ("refuse", "worse")
    assert "-0.3000 accuracy on 60 items" in reason

    train(root, "yes", labels=("yes", "no"))
    found, reason = verdict(root, MODEL)
    assert found == "refuse"
    assert "labels: the challenger answers ('classification', None, ('yes', 'no'))" in reason

    train(root, "yes")
    assert main(["gate", MODEL, "--json", str(root / "said.json")]) == 0
    assert f"models:/{NAME}/4 is the champion now: better" in capsys.readouterr().out
    [said] = json.loads((root / "said.json").read_text())
    assert said["difference"]["champion"] == pytest.approx(0.3)
    assert said["difference"]["challenger"] == pytest.approx(0.7)
    assert said["rule"]["metric"] == "accuracy"
    tags = client.get_model_version(NAME, "4").tags
    assert tags["gptpath.gate.difference_accuracy"] == "0.4"
    assert tags["gptpath.gate.margin"] == "0"
    assert "| champion, accuracy | 0.3000 |" in client.get_model_version(NAME, "4").description
    aliases = client.get_registered_model(NAME).aliases
    assert (str(aliases["champion"]), str(aliases["previous"])) == ("4", "1")

    assert main(["compare", f"models:/{NAME}/2", f"models:/{NAME}@champion"]) == 0
    assert "**promote**: better" in capsys.readouterr().out


def test_one_made_from_another_base_or_tested_on_what_it_was_trained_on_is_refused(
    root: Path,
) -> None:
    train(root, "yes", base="other.dir")
    found, reason = verdict(root, MODEL)
    assert found == "refuse"
    assert f"made from {BASE} other.dir, this checkout has base.dir" in reason

    train(root, "yes", seed=3)
    known = [f"{text} more" for text in texts(60, 0)]
    write_rows(root / "data/labelled/test.csv", texts(60, 2)[:50] + known[:10], 7)
    found, reason = verdict(root, MODEL)
    assert found == "refuse"
    assert "contamination: 16.7% of the items have 80%" in reason
    assert "task's training items" in reason


def test_a_broken_classifier_is_refused(root: Path) -> None:
    train(root, "yes")
    path = root / "models" / "finetuned" / "mine" / "full" / "config.json"
    path.write_text(path.read_text().replace('"n_embd": 16', '"n_embd": 32'))
    found, reason = verdict(root, MODEL)
    assert (found, reason.split(":")[0]) == ("refuse", "soundness")


def test_all_models_are_those_of_the_matrix_and_the_classifiers_that_are_here(root: Path) -> None:
    params = load_params(root / "params.yaml")
    assert gated_models(root, params) == params.matrix.models
    train(root, "yes")
    assert gated_models(root, params) == (*params.matrix.models, MODEL)
    assert gated_models(root, params, ["a"]) == ("a",)


def test_classifiers_of_another_profile_or_an_earlier_task_are_none_of_all(root: Path) -> None:
    train(root, "yes")
    params = load_params(root / "params.yaml")
    without_task = replace(params.matrix, finetune_tasks=("wording",))
    assert gated_models(root, replace(params, matrix=without_task)) == params.matrix.models
    path = root / "models" / "finetuned" / "mine" / "full" / "classifier.json"
    path.write_text(path.read_text().replace("gpt1-laptop", "gpt1-suite"))
    assert gated_models(root, params) == params.matrix.models


def test_a_classifier_may_be_named_in_the_settings(root: Path) -> None:
    yaml, path = YAML(), root / "params.yaml"
    params = yaml.load(path.read_text())
    params["gate"]["models"] = ["gpt1-laptop-wording"]
    yaml.dump(params, path)
    assert gated_models(root, load_params(path)) == ("gpt1-laptop-wording",)
    params["gate"]["models"] = ["gpt1-laptop-nothing"]
    yaml.dump(params, path)
    with pytest.raises(ConfigError, match=r"gate\.models names 'gpt1-laptop-nothing'"):
        load_params(path)


def test_a_version_that_does_not_name_its_data_is_refused() -> None:
    check = check_inputs({"gptpath.kind": "classifier"}, {})
    assert not check.passed
    assert check.note.startswith("the version does not say from which data it was made; run")
