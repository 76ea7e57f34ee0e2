import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptpath.config.params import Recipe
from gptpath.train.schedule import learning_rate, steps_to_publish


@st.composite
def recipes(draw):
    steps = draw(st.integers(1, 5000))
    return Recipe(
        steps=steps,
        batch_size_sequences=1,
        learning_rate=draw(st.floats(1e-6, 1.0)),
        min_learning_rate_fraction=draw(st.floats(0.0, 1.0)),
        warmup_steps=draw(st.integers(0, steps)),
        published_checkpoints=draw(st.integers(0, 12)),
    )


@given(recipe=recipes(), data=st.data())
def test_the_rate_is_positive_and_never_above_its_peak(recipe, data):
    step = data.draw(st.integers(0, recipe.steps - 1))
    floor = recipe.learning_rate * recipe.min_learning_rate_fraction
    rate = learning_rate(step, recipe)
    assert 0 < rate <= recipe.learning_rate * (1 + 1e-12)
    assert step < recipe.warmup_steps or rate >= floor * (1 - 1e-12)


@given(recipe=recipes(), data=st.data())
def test_the_rate_rises_while_warming_up_and_falls_afterwards(recipe, data):
    step = data.draw(st.integers(0, recipe.steps - 1))
    change = learning_rate(step + 1, recipe) - learning_rate(step, recipe)
    if step + 1 < recipe.warmup_steps:
        assert change > 0
    else:
        assert change <= 1e-12


@given(recipe=recipes(), data=st.data())
def test_the_rate_has_no_jumps(recipe, data):
    step = data.draw(st.integers(0, recipe.steps - 1))
    change = abs(learning_rate(step + 1, recipe) - learning_rate(step, recipe))
    falling = max(1, recipe.steps - recipe.warmup_steps)
    steepest = max(1 / max(1, recipe.warmup_steps), 2 / falling)
    assert change <= recipe.learning_rate * steepest * (1 + 1e-9)


def test_the_rate_passes_through_the_papers_points():
    recipe = Recipe(steps=1100, batch_size_sequences=1, learning_rate=2.5e-4, warmup_steps=100)
    assert learning_rate(0, recipe) == pytest.approx(2.5e-6)
    assert learning_rate(99, recipe) == 2.5e-4
    assert learning_rate(100, recipe) == 2.5e-4
    assert learning_rate(600, recipe) == pytest.approx(1.25e-4)
    assert learning_rate(1100, recipe) == pytest.approx(0.0)


@given(recipe=recipes())
def test_published_steps_begin_with_the_initialisation_and_leave_out_the_last(recipe):
    steps = steps_to_publish(recipe)
    assert len(steps) <= recipe.published_checkpoints
    assert steps == sorted(set(steps))
    assert all(0 <= step < recipe.steps for step in steps)
    assert (0 in steps) == (recipe.published_checkpoints > 0)


def test_published_steps_are_spaced_by_equal_factors():
    recipe = Recipe(
        steps=100_000,
        batch_size_sequences=1,
        learning_rate=1.0,
        warmup_steps=0,
        published_checkpoints=5,
    )
    assert steps_to_publish(recipe) == [0, 1000, 3162, 10_000, 31_623]
