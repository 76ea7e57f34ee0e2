"""The same training on any number of ranks, in both strategies, and across a change of both.

On one rank the training is the plain one, and dropout is on: masks follow the rows of the batch.
"""

import shutil

import pytest

from gptpath.train.micro_batch import recorded_choice
from tests.parity.ranks import RECIPE, job_in, train_alone, train_on, write_data

HALF = RECIPE.checkpoint_every_steps


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("ranks")
    write_data(root)
    return root


@pytest.fixture(scope="module")
def alone(root):
    """A training by one process that knows of no ranks."""
    return train_alone(job_in(root, root / "alone"))


@pytest.fixture(scope="module")
def on_two(root):
    """Trainings on two ranks that have kept the state of half way."""
    return {name: train_on(2, job_in(root, root / f"{name}-2", name)) for name in ("ddp", "fsdp")}


def losses(result):
    return [row["loss"] for row in result.history.train]


def assert_same(result, expected, tolerance):
    assert len(losses(result)) == RECIPE.steps
    assert losses(result) == pytest.approx(losses(expected), rel=tolerance)
    norms, others = ([row["grad_norm"] for row in one.history.train] for one in (result, expected))
    assert norms == pytest.approx(others, rel=tolerance)
    scores, others = ([row["loss"] for row in one.history.validation] for one in (result, expected))
    assert scores == pytest.approx(others, rel=tolerance)
    assert result.final.loss == pytest.approx(expected.final.loss, rel=tolerance)


def test_the_training_learns(alone):
    assert losses(alone)[-1] < losses(alone)[0] - 0.8


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_ranks_train_as_one_process_does(alone, on_two, strategy):
    assert_same(on_two[strategy], alone, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.parametrize("ranks", [1, 4])
def test_one_and_four_ranks_train_as_one_process_does(root, alone, strategy, ranks):
    result = train_on(ranks, job_in(root, root / f"{strategy}-{ranks}", strategy))
    assert_same(result, alone, 1e-5)
    if ranks == 1:
        assert losses(result) == losses(alone)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_ranks_that_recompute_activations_train_to_the_same_bits(root, on_two, strategy):
    job = job_in(root, root / f"{strategy}-again", strategy, recompute_activations=True)
    result = train_on(2, job)
    assert result.history == on_two[strategy].history
    assert result.final == on_two[strategy].final


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_ranks_agree_on_a_micro_batch_and_train_as_if_it_had_been_named(root, strategy):
    job = job_in(root, root / f"{strategy}-auto", strategy, micro_batch_size_sequences="auto")
    result = train_on(2, job)
    chosen = recorded_choice(job.scratch)
    assert chosen in (1, 2, 4)
    named = job_in(root, root / f"{strategy}-named", strategy, micro_batch_size_sequences=chosen)
    assert train_on(2, named).history == result.history


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "ranks"),
    [("ddp", "ddp", 1), ("ddp", "fsdp", 4), ("fsdp", "fsdp", 1), ("fsdp", "ddp", 4)],
)
def test_a_run_of_two_ranks_goes_on_with_any_others(root, on_two, before, after, ranks):
    scratch = root / f"{before}-2-{after}-{ranks}"
    state = f"state-{HALF:08d}"
    shutil.copytree(root / f"{before}-2" / state, scratch / state)
    result = train_on(ranks, job_in(root, scratch, after))
    assert losses(result)[:HALF] == losses(on_two[before])[:HALF]  # read, not trained again
    assert_same(result, on_two[before], 1e-6)


def test_one_process_goes_on_where_two_ranks_were_without_knowing_of_ranks(root, on_two):
    scratch = root / "ddp-2-alone"
    state = f"state-{HALF:08d}"
    shutil.copytree(root / "ddp-2" / state, scratch / state)
    result = train_alone(job_in(root, scratch))
    assert_same(result, on_two["ddp"], 1e-6)
