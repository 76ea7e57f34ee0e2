import json
from dataclasses import replace
from pathlib import Path

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


def write_tasks(folder, letters):
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
    texts = [{"text": x * 3, "label": "ab".index(x)} for x in letters]
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
    assert events == []
    assert outcome.metrics == {}


def test_an_unknown_task_is_refused(checkout, params):
    with pytest.raises(ConfigError, match="no task 'similarity' in .*; known: continuation"):
        run(checkout, params, "similarity")


def test_a_task_of_one_class_is_refused(checkout, params):
    write_tasks(checkout / "data" / "tasks", "a" * 40)
    with pytest.raises(CorpusError, match="40 training|20 training items of task 'package'"):
        run(checkout, params, "package")
