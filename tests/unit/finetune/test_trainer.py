from dataclasses import replace

import pytest
import torch

from gptpath.errors import TrainingError
from gptpath.finetune import trainer
from gptpath.finetune.batches import collate
from gptpath.finetune.evaluation import Evaluation
from gptpath.finetune.trainer import finetune, total_loss
from gptpath.finetune.transformations import Example, count_tokens


def probabilities(model, examples):
    return Evaluation(examples=examples).probabilities(model, precision="float32")


def predict(model, examples):
    return Evaluation(examples=examples).predict(model, precision="float32")


def letters(count, first=0):
    """Texts of a or of b: trivially told apart."""
    examples = []
    for i in range(first, first + count):
        letter = 97 + i % 2
        examples.append(Example(sequences=((257, *[letter] * (2 + i % 5), 259),), label=i % 2))
    return examples


@pytest.fixture
def fit(settings):
    def call(
        model,
        train=None,
        validation=None,
        *,
        weight=0.5,
        seed=0,
        metric="accuracy",
        on_epoch=None,
        **changes,
    ):
        return finetune(
            model,
            train or letters(48),
            Evaluation(examples=validation or letters(16)),
            settings=replace(settings, **changes),
            metric=metric,
            auxiliary_weight=weight,
            seed=seed,
            precision="float32",
            on_epoch=on_epoch or (lambda: None),
        )

    return call


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_it_learns_to_tell_two_letters_apart(task_model, fit):
    model, epochs = task_model(), []
    result = fit(model, on_epoch=lambda: epochs.append(1), epochs=6)
    assert result.validation_score == 1.0
    assert predict(model, letters(10)) == [0, 1] * 5
    assert (result.updates, len(epochs)) == (36, 6)
    assert result.tokens_trained == 6 * count_tokens(letters(48))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(task_model, fit):
    found = []
    for seed in (1, 1, 2):
        model = task_model()
        torch.rand(3)  # whatever the global generator did before
        fit(model, seed=seed, epochs=1)
        found.append(weights(model))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_the_global_random_state_is_left_alone(task_model, fit):
    model = task_model()
    state = torch.random.get_rng_state()
    fit(model, epochs=1)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_earliest_of_the_best_epochs_is_kept(task_model, fit):
    """From a perfect first epoch on nothing is better, so more epochs leave its weights."""
    validation = [replace(example, label=1) for example in letters(2)]  # at most one can be right
    model, snapshots = task_model(), []

    def remember():
        right = predict(model, validation)
        snapshots.append((sum(label == 1 for label in right), weights(model)))

    result = fit(model, validation=validation, on_epoch=remember)
    best = max(right for right, _ in snapshots)
    first = next(i for i, (right, _) in enumerate(snapshots) if right == best)
    assert result.best_epoch == first + 1
    assert result.validation_score == best / 2
    assert torch.equal(weights(model), snapshots[first][1])


def test_matrices_decay_and_biases_and_gains_do_not(task_model, fit):
    """One update with and without decay differs by rate x decay x parameter, on matrices only."""
    plain, decayed, start = task_model(), task_model(), task_model()
    for model, decay in ((plain, 0.0), (decayed, 0.5)):
        fit(
            model, letters(8), epochs=1, warmup_fraction=0.0, learning_rate=0.01, weight_decay=decay
        )
    after = dict(plain.named_parameters())
    before = dict(start.named_parameters())
    for name, value in decayed.named_parameters():
        shrunk = 0.01 * 0.5 * before[name] if value.ndim > 1 else 0.0
        torch.testing.assert_close(value, after[name] - shrunk, atol=1e-7, rtol=0)


def test_the_auxiliary_loss_adds_lambda_times_the_language_model_loss(task_model):
    model = task_model().eval()
    batch = collate(letters(6), text_below=model.language_model.config.vocab_size)
    auxiliary = model.language_model_loss(model.hidden(batch.tokens_N, batch.packing), batch.text)
    torch.testing.assert_close(
        total_loss(model, batch, 0.5), total_loss(model, batch, 0.0) + 0.5 * auxiliary
    )


def test_without_auxiliary_loss_no_vocabulary_scores_are_computed(task_model, monkeypatch, fit):
    model = task_model()
    monkeypatch.setattr(type(model), "language_model_loss", lambda *_: pytest.fail("computed"))
    fit(model, weight=0.0, epochs=1)


def test_probabilities_keep_the_order_of_the_examples(task_model):
    model = task_model()
    examples = letters(9)
    together = probabilities(model, examples)
    alone = [probabilities(model, [one])[0] for one in examples]
    torch.testing.assert_close(torch.tensor(together), torch.tensor(alone))
    torch.testing.assert_close(torch.tensor(together).sum(1), torch.ones(9))


def test_a_loss_that_is_not_finite_stops_the_run(task_model, fit):
    model = task_model()
    with torch.no_grad():
        model.head.bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match="update 0 is nan; lower finetune.learning_rate"):
        fit(model)


def test_the_update_whose_loss_is_not_finite_is_named(task_model, fit, monkeypatch):
    model, seen = task_model(), []

    def spoil(*arguments):
        seen.append(1)
        loss = total_loss(*arguments)
        return loss * float("inf") if len(seen) == 9 else loss

    monkeypatch.setattr(trainer, "total_loss", spoil)
    with pytest.raises(TrainingError, match="update 8 is inf"):
        fit(model)


def test_the_first_epoch_is_measured_at_doubling_updates_and_every_epoch_at_its_end(
    task_model, fit, monkeypatch
):
    monkeypatch.setattr(trainer, "FIRST_SELECTION", 1)
    model, train = task_model(), letters(48)
    result = fit(model, train, epochs=2)  # six updates an epoch: after 1, 2, 4, 6 and 12
    assert result.tokens_evaluated == 5 * count_tokens(letters(16))
    assert result.best_update in (1, 2, 4, 6, 12)


def test_a_regression_learns_scores_between_its_anchors(task_model, fit):
    """The more letters b, the higher: places 0 to 2 of three anchors, halves among them."""

    def lines(count):
        found = []
        for i in range(count):
            rise = i % 5
            text = (257, *[97] * (4 - rise), *[98] * rise, 259)
            found.append(Example(sequences=(text, text), label=rise / 2))
        return found

    model = task_model("regression", n_labels=3)
    result = fit(model, lines(60), lines(10), metric="pearson", epochs=12)
    assert result.validation_score > 0.9
    predicted = predict(model, lines(5))
    assert predicted == sorted(predicted)


def test_items_of_different_numbers_of_answers_learn_in_one_batch(task_model, fit):
    """The right answer is the one of letters b."""

    def items(count):
        found = []
        for i in range(count):
            answers, right = 2 + i % 3, i % 2
            letters_ = [98 if k == right else 97 for k in range(answers)]
            found.append(
                Example(
                    sequences=tuple((257, 99, 258, letter, 259) for letter in letters_),
                    label=right,
                )
            )
        return found

    model = task_model("multiple-choice", n_labels=4)
    assert fit(model, items(48), items(12), epochs=6).validation_score == 1.0
    rows = probabilities(model, items(6))
    assert [len(row) for row in rows] == [2, 3, 4, 2, 3, 4]
    torch.testing.assert_close([sum(row) for row in rows], [1.0] * 6)
    together = probabilities(model, items(3))
    alone = [probabilities(model, [item])[0] for item in items(3)]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
