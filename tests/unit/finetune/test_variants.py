from dataclasses import replace

import pytest
import torch

from gptpath.config.model import ModelConfig
from gptpath.config.finetune import VARIANTS
from gptpath.finetune import variants
from gptpath.finetune.data_sets import TaskRows
from gptpath.finetune.trainer import FinetuneResult
from gptpath.finetune.variants import (
    VARIANT_TABLE,
    Base,
    Experiment,
    Run,
    accuracy_summary,
    middle_run,
)
from gptpath.model.build import build_model


def rows(count):
    return [{"text": "ab"[i % 2] * (2 + i % 3), "label": i % 2} for i in range(count)]


@pytest.fixture
def experiment(config, encoding, settings):
    lstm = ModelConfig(
        family="lstm", n_layer=1, n_embd=16, n_hidden=24, context_length=32, vocab_size=257
    )
    return Experiment(
        task=TaskRows(
            name="letters",
            kind="classification",
            labels=("a", "b"),
            train=rows(32),
            validation=rows(8),
            test=rows(12),
        ),
        bases={
            "pretrained": Base(language_model=build_model(config, seed=1), encoding=encoding),
            "lstm": Base(language_model=build_model(lstm, seed=1), encoding=encoding),
        },
        settings=replace(settings, seeds=(0, 1), epochs=1),
        base_seed=7,
        device=torch.device("cpu"),
        precision="float32",
    )


@pytest.fixture
def starts(monkeypatch):
    """What each run started from: (model, auxiliary weight)."""
    seen = []
    real = variants.finetune

    def watch(model, *arguments, **keywords):
        body = model.language_model
        state = {name: value.clone() for name, value in body.state_dict().items()}
        seen.append((state, model.head.weight.detach().clone(), keywords["auxiliary_weight"]))
        return real(model, *arguments, **keywords)

    monkeypatch.setattr(variants, "finetune", watch)
    return seen


def test_the_table_has_a_row_for_every_variant_of_the_parameters():
    assert tuple(VARIANT_TABLE) == VARIANTS


def test_each_variant_starts_from_what_its_name_says(experiment, starts):
    for name in VARIANTS:
        experiment.run_variant(name, lambda: None)
    full, fresh, plain, lstm = starts[::2]
    wte = experiment.bases["pretrained"].language_model.wte.weight
    assert torch.equal(full[0]["wte.weight"], wte)
    assert torch.equal(plain[0]["wte.weight"], wte)
    assert not torch.equal(fresh[0]["wte.weight"], wte)
    assert "rnn.weight_ih_l0" in lstm[0]
    assert [start[2] for start in (full, fresh, plain, lstm)] == [0.5, 0.5, 0.0, 0.5]


def test_a_seed_draws_new_heads_and_new_unpretrained_models(experiment, starts):
    experiment.run_variant("no-pretraining", lambda: None)
    (first, first_head, _), (second, second_head, _) = starts
    assert not torch.equal(first["wte.weight"], second["wte.weight"])
    assert not torch.equal(first_head, second_head)
    # One random stream for body and head would make their numbers equal.
    assert not torch.allclose(first["wte.weight"].flatten()[:64], first_head.flatten())


def test_bases_are_never_changed(experiment):
    body = experiment.bases["pretrained"].language_model
    before = {name: value.clone() for name, value in body.state_dict().items()}
    experiment.run_variant("full", lambda: None)
    assert all(torch.equal(value, before[name]) for name, value in body.state_dict().items())


def test_runs_tell_seed_scores_and_work(experiment):
    epochs = []
    trials = experiment.run_variant("full", lambda: epochs.append(1))
    assert [run.seed for run, _ in trials] == [0, 1]
    assert len(epochs) == 2
    for run, model in trials:
        assert set(run.scores) == {"accuracy", "macro_f1", "matthews"}
        assert run.tokens > run.result.tokens_trained > 0
        assert run.flops > 0
        assert model.n_labels == 2


def make_run(seed, validation, accuracy):
    result = FinetuneResult(
        best_epoch=1,
        validation_accuracy=validation,
        updates=1,
        tokens_trained=1,
        tokens_evaluated=1,
    )
    scores = {"accuracy": accuracy}
    return Run(variant="full", seed=seed, result=result, scores=scores, tokens=1, flops=1.0)


def test_the_kept_run_is_the_median_by_validation_not_by_test():
    runs = [make_run(0, 0.9, 0.1), make_run(1, 0.7, 0.2), make_run(2, 0.8, 0.9)]
    assert middle_run(runs) == 2
    assert middle_run(runs[:2]) == 1
    assert accuracy_summary(runs) == {"median": 0.2, "min": 0.1, "max": 0.9}
