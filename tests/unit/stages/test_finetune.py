import json
from dataclasses import replace
from pathlib import Path

import polars
import pytest
import torch

from gptpath.config.loading import load_params
from gptpath.config.sections import ModelEntry
from gptpath.errors import ConfigError, CorpusError
from gptpath.events import Evaluated, ModelFinished, Progress
from gptpath.finetune.folder import load_classifier
from gptpath.model.build import build_model
from gptpath.model.folder import save_model
from gptpath.stages import finetune
from gptpath.stages.context import StageContext
from gptpath.text.labelled.task_files import TaskSpec, write_specs, write_task
from gptpath.tokens.bpe import write_tokenizer

PROFILE = Path(__file__).parents[3] / "profiles" / "laptop.yaml"
VARIANTS = ("full", "no-pretraining", "no-auxiliary-loss", "lstm")


@pytest.fixture
def params():
    loaded = load_params(PROFILE)
    tiny = {"n_layer": 1, "n_embd": 16, "context_length": 32}
    return replace(
        loaded,
        tokenizer=replace(loaded.tokenizer, vocab_size=257),
        models=loaded.models
        | {
            loaded.finetune.pretrained: ModelEntry(
                preset="gpt1_laptop", shape=tiny | {"n_head": 2}
            ),
            loaded.finetune.lstm: ModelEntry(preset="lstm_laptop", shape=tiny | {"n_hidden": 8}),
        },
        finetune=replace(
            loaded.finetune,
            variants=VARIANTS,
            seeds=(0, 1, 2),
            epochs=1,
            batch_size=8,
            max_train_examples=None,
            max_test_examples=None,
        ),
    )


@pytest.fixture
def checkout(tmp_path, params):
    """Pretrained models (untrained) and one task of every kind, one of them absent."""
    torch.set_num_threads(1)
    tokenizer = tmp_path / "tokenizer"
    write_tokenizer(tokenizer, [bytes([byte]) for byte in range(256)], name="bytes")
    for name in (params.finetune.pretrained, params.finetune.lstm):
        model = build_model(params.model_config(name), seed=1)
        folder = tmp_path / "models" / "pretrained" / name
        save_model(folder, model, step=1, tokenizer_folder=tokenizer)
    write_tasks(tmp_path / "data" / "tasks", "ab" * 20)
    return tmp_path


def write_tasks(folder, letters, repeat=3):
    package = TaskSpec(
        name="package",
        kind="classification",
        labels=("a", "b"),
        columns=("text", "label"),
        description="Which letter?",
    )
    continuation = TaskSpec(
        name="continuation",
        kind="multiple-choice",
        labels=(),
        columns=("context", "choices", "label"),
        description="Which letter again?",
    )
    absent = replace(package, name="entailment", absent="no document has a summary line")
    texts = [{"text": x * repeat, "label": "ab".index(x)} for x in letters]
    choices = [{"context": x, "choices": ["a", "b"], "label": "ab".index(x)} for x in letters]
    write_task(folder, package, with_keys(texts))
    write_task(folder, continuation, with_keys(choices))
    write_specs(folder, [package, continuation, absent])


def with_keys(items):
    splits = ("train", "train", "validation", "test")
    return [
        {"id": f"{i:03}", "document": str(i), "split": splits[i // 2 % 4]} | item
        for i, item in enumerate(items)
    ]


def run(checkout, params, task):
    events = []
    context = StageContext(root=checkout, params=params, item=task, emit=events.append)
    return finetune.run(context), events


def read_metrics(checkout, task):
    return json.loads((checkout / "metrics" / "finetune" / f"{task}.json").read_text())


def test_metrics_hold_every_run_and_its_summary(checkout, params):
    outcome, _ = run(checkout, params, "package")
    metrics = read_metrics(checkout, "package")
    assert {
        key: metrics[key] for key in ("task", "kind", "metric", "chance", "majority", "test_items")
    } == {
        "task": "package",
        "kind": "classification",
        "metric": "accuracy",
        "chance": 0.5,
        "majority": 0.5,
        "test_items": 10,
    }
    assert [(row["variant"], row["seed"]) for row in metrics["rows"]] == [
        (variant, seed) for variant in VARIANTS for seed in (0, 1, 2)
    ]
    for variant, summary in metrics["summary"].items():
        found = sorted(row["accuracy"] for row in metrics["rows"] if row["variant"] == variant)
        assert summary == {"min": found[0], "median": found[1], "max": found[2]}
        assert outcome.metrics[f"{variant}/accuracy_median"] == found[1]
    assert outcome.tokens is not None
    assert outcome.flops is not None
    assert outcome.flops > outcome.tokens > 0


def test_every_prediction_of_the_test_split_is_kept(checkout, params):
    run(checkout, params, "package")
    kept = polars.read_parquet(checkout / "metrics" / "finetune" / "package.parquet")
    metrics = read_metrics(checkout, "package")
    assert kept.height == 10 * 12
    assert set(kept["split"]) == {"test"}
    assert set(kept["label"]) == {"a", "b"}
    for row in metrics["rows"]:
        mine = kept.filter(
            (polars.col("variant") == row["variant"]) & (polars.col("seed") == row["seed"])
        )
        assert mine["id"].to_list() == [f"{i:03}" for i in (6, 7, 14, 15, 22, 23, 30, 31, 38, 39)]
        assert (mine["label"] == mine["predicted"]).mean() == row["accuracy"]
        best = [("a", "b")[max(0, 1, key=list(p).__getitem__)] for p in mine["probabilities"]]
        assert best == mine["predicted"].to_list()
        assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]
    for variant, table in metrics["confusion"].items():
        assert variant in VARIANTS
        assert sum(map(sum, table)) == 10


def test_one_classifier_of_each_variant_is_announced_and_loads(checkout, params):
    _, events = run(checkout, params, "continuation")
    finished = [event for event in events if isinstance(event, ModelFinished)]
    assert [event.name for event in finished] == [
        "gpt1-laptop-continuation",
        "gpt1-laptop-continuation-no-pretraining",
        "gpt1-laptop-continuation-no-auxiliary-loss",
        "lstm-laptop-continuation",
    ]
    for event, variant in zip(finished, VARIANTS, strict=True):
        assert event.path == checkout / "models" / "finetuned" / "continuation" / variant
        assert event.kind == "classifier"
        [prediction] = load_classifier(event.path).predict(
            [{"context": "a", "choices": ["a", "b"]}]
        )
        assert set(prediction["probabilities"]) == {"0", "1"}
        described = json.loads((event.path / "classifier.json").read_text())
        rows = read_metrics(checkout, "continuation")["rows"]
        [row] = [r for r in rows if (r["variant"], r["seed"]) == (variant, described["seed"])]
        assert event.metrics["accuracy"] == row["accuracy"]


def test_progress_counts_all_epochs_and_medians_are_emitted(checkout, params):
    outcome, events = run(checkout, params, "package")
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event.done for event in progress] == list(range(1, 13))
    assert {event.total for event in progress} == {12}
    [evaluated] = [event for event in events if isinstance(event, Evaluated)]
    assert (evaluated.step, evaluated.values) == (None, outcome.metrics)


def test_layer_transfers_are_measured_and_not_kept(checkout, params):
    asked = replace(params.finetune, variants=("full",), transfer_layers=(0, 1), seeds=(0,))
    _, events = run(checkout, replace(params, finetune=asked), "package")
    metrics = read_metrics(checkout, "package")
    assert list(metrics["summary"]) == ["full", "transfer-0", "transfer-1"]
    full, first, last = metrics["rows"]
    assert first["train_score"] >= 0.0
    assert {key: last[key] for key in full if key != "variant"} == {
        key: value for key, value in full.items() if key != "variant"
    }
    assert len([event for event in events if isinstance(event, ModelFinished)]) == 1


def test_texts_that_do_not_fit_are_counted_and_warned_of(checkout, params, caplog):
    write_tasks(checkout / "data" / "tasks", "ab" * 20, repeat=31)
    run(checkout, replace(params, finetune=replace(params.finetune, seeds=(0,))), "package")
    cut = {"train": 20, "validation": 10, "test": 10}
    assert read_metrics(checkout, "package")["cut_items"] == cut
    assert "lost their end: train 20, validation 10, test 10" in caplog.text


def test_outputs_are_the_same_bytes_when_run_again(checkout, params):
    def outputs():
        run(checkout, replace(params, finetune=replace(params.finetune, seeds=(0,))), "package")
        roots = [checkout / "models" / "finetuned", checkout / "metrics"]
        return {p: p.read_bytes() for root in roots for p in root.rglob("*") if p.is_file()}

    assert outputs() == outputs()


def test_pretrained_models_that_no_variant_needs_are_not_loaded(checkout, params):
    (checkout / "models" / "pretrained" / "lstm-laptop" / "model.safetensors").unlink()
    only_full = replace(params, finetune=replace(params.finetune, variants=("full",), seeds=(0,)))
    run(checkout, only_full, "package")
    assert list(read_metrics(checkout, "package")["summary"]) == ["full"]


def test_a_task_that_the_corpus_cannot_yield_is_written_as_absent(checkout, params):
    outcome, events = run(checkout, params, "entailment")
    assert read_metrics(checkout, "entailment")["absent"] == "no document has a summary line"
    assert list((checkout / "models" / "finetuned" / "entailment").iterdir()) == []
    assert polars.read_parquet(checkout / "metrics" / "finetune" / "entailment.parquet").height == 0
    assert events == []
    assert outcome.metrics == {}


def test_an_unknown_task_is_refused(checkout, params):
    with pytest.raises(ConfigError, match="no task 'similarity' in .*; known: continuation"):
        run(checkout, params, "similarity")


def test_a_task_of_one_class_is_refused(checkout, params):
    write_tasks(checkout / "data" / "tasks", "a" * 40)
    with pytest.raises(CorpusError, match="40 training|20 training items of task 'package'"):
        run(checkout, params, "package")
