from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.loading import load_params, profile_text
from gptpath.config.own_settings import published_recipes
from gptpath.config.stand_ins import NOT_OPENAIS, settings_of
from gptpath.report.page import render_page
from gptpath.report.recipes import recipe_tables, statements
from gptpath.report.results import Results, load_results
from gptpath.report.tables import Cell
from tests.unit.report.fake_run import laptop_params, write_run

PROFILES = Path(__file__).parents[3] / "profiles"


@pytest.fixture
def laptop(tmp_path: Path) -> Results:
    write_run(tmp_path)
    return load_results(tmp_path, laptop_params())


@pytest.fixture
def published(laptop: Results) -> Results:
    """The laptop's made-up numbers beside the recipe of GPT-2."""
    params = load_params(PROFILES / "gpt2-124m.yaml")
    return replace(laptop, recipes={"gpt2-124m": settings_of(params, "gpt2-124m")})


def test_stand_ins_are_marked_beside_their_values(published: Results) -> None:
    (table,) = recipe_tables(published)
    rows = {row[0]: row[1:] for row in table.rows}
    source = "karpathy/llm.c scripts/run_gpt2_124M.sh"
    assert rows["learning_rate"] == (
        "0.0006",
        Cell(text="not OpenAI's", small=source, strong=True),
    )
    assert rows["batch_size_sequences"] == ("512", "as published")
    assert rows["scale_residual_init"] == ("yes", "as published")
    marked = sum(isinstance(row[2], Cell) for row in table.rows)
    assert f"gpt2-124m: {marked} of {len(table.rows)} settings were not" in statements(published)[0]


def test_the_page_shows_them(published: Results) -> None:
    page = render_page(published, [])
    assert "Shape and recipe of gpt2-124m" in page
    assert page.count("<strong>not OpenAI&#39;s</strong>") == 10
    assert "karpathy/nanoGPT train.py, for pretraining" in page


def test_a_profile_without_published_models_claims_nothing_published(laptop: Results) -> None:
    assert recipe_tables(laptop) == []
    assert "No model of this profile is one of the papers'" in statements(laptop)[0]
    assert "as published" not in render_page(laptop, [])


def test_what_params_yaml_has_changed_is_not_called_as_published(
    laptop: Results, tmp_path: Path
) -> None:
    (tmp_path / "profiles").mkdir()
    text = (PROFILES / "gpt1-117m.yaml").read_text()
    (tmp_path / "profiles/gpt1-117m.yaml").write_text(text)
    changes = ["pretrain.learning_rate=0.001", "pretrain.steps=9000"]
    (tmp_path / "mine.yaml").write_text(profile_text(PROFILES, "gpt1-117m", changes))
    ready, mine = (
        replace(laptop, recipes=published_recipes(tmp_path, load_params(path)))
        for path in (PROFILES / "gpt1-117m.yaml", tmp_path / "mine.yaml")
    )
    before, after = (
        {row[0]: row[1:] for row in recipe_tables(one)[0].rows} for one in (ready, mine)
    )
    assert before["learning_rate"] == ("0.00025", "as published")
    source = "changed here; the profile has 0.00025"
    assert after["learning_rate"] == ("0.001", Cell(text=NOT_OPENAIS, small=source, strong=True))
    assert (
        statements(mine)[0] == f"{statements(ready)[0]} Of all settings params.yaml has changed 2."
    )
