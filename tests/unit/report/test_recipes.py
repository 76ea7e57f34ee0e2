from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.config.stand_ins import settings_of
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
