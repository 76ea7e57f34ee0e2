from dataclasses import replace

import pytest
import torch

from gptpath.config.finetune import VARIANTS
from gptpath.config.model import ModelConfig
from gptpath.finetune import experiment as experiments
from gptpath.finetune.data_sets import TaskRows
from gptpath.finetune.experiment import Base, Experiment
from gptpath.finetune.variants import (
    VARIANT_TABLE,
    find_variant,
    middle,
    spread_of,
    starting_model,
    transfer_names,
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
    real = experiments.finetune

    def watch(model, *arguments, **keywords):
        body = model.language_model
        state = {name: value.clone() for name, value in body.state_dict().items()}
        seen.append((state, model.head.weight.detach().clone(), keywords["auxiliary_weight"]))
        return real(model, *arguments, **keywords)

    monkeypatch.setattr(experiments, "finetune", watch)
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
        assert set(run.scores) == {"accuracy", "macro_f1", "matthews", "f1"}
        assert run.interval[0] <= run.scores["accuracy"] <= run.interval[1]
        assert [max(range(2), key=row.__getitem__) for row in run.probabilities] == run.predicted
        assert run.tokens > run.result.tokens_trained > 0
        assert run.flops > 0
        assert model.n_labels == 2


def test_a_layer_transfer_takes_the_embeddings_and_the_first_blocks(config):
    base = build_model(config, seed=1)
    fresh = build_model(config, seed=9)
    for blocks in range(config.n_layer + 1):
        model = starting_model(base, find_variant(f"transfer-{blocks}"), seed=9)
        for name, value in model.state_dict().items():
            layer = int(name.split(".")[1]) if name.startswith("h.") else -1
            source = base if layer < blocks else fresh
            assert torch.equal(value, source.state_dict()[name]), (blocks, name)


def test_transferring_all_layers_is_the_full_variant_of_a_gpt2_too(config):
    base = build_model(replace(config, norm="pre"), seed=1)
    with torch.no_grad():
        base.ln_f.weight.fill_(0.5)
    model = starting_model(base, find_variant("transfer-2"), seed=9)
    assert all(torch.equal(v, base.state_dict()[n]) for n, v in model.state_dict().items())


def test_layer_transfers_are_measured_on_training_items_too(experiment):
    asked = replace(experiment.settings, transfer_layers=(0, 2))
    assert transfer_names(asked) == ("transfer-0", "transfer-2")
    full, transferred = (
        experiment.run_variant(name, lambda: None) for name in ("full", "transfer-2")
    )
    assert [run.scores for run, _ in full] == [run.scores for run, _ in transferred]
    assert all(run.train_score is None for run, _ in full)
    assert all(0.0 <= run.train_score <= 1.0 for run, _ in transferred)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_compiled_blocks_learn_the_same(experiment):
    [(plain, _), *_] = experiment.run_variant("full", lambda: None)
    [(compiled, model), *_] = replace(experiment, compile=True).run_variant("full", lambda: None)
    torch.testing.assert_close(
        torch.tensor(compiled.probabilities), torch.tensor(plain.probabilities), atol=1e-3, rtol=0
    )
    assert not any("_orig_mod" in name for name in model.state_dict())


def test_the_kept_run_is_the_median_by_validation_not_by_test():
    assert middle([0.9, 0.7, 0.8]) == 2
    assert middle([0.9, 0.7]) == 1
    assert spread_of([0.1, 0.2, 0.9]) == {"median": 0.2, "min": 0.1, "max": 0.9}
