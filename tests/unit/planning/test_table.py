from dataclasses import replace

from gptpath.planning.table import render_plan
from tests.unit.planning.test_costs import GPU, LAPTOP, plan, profile


def test_the_table_names_every_stage_and_the_machine() -> None:
    params = profile("laptop")
    text = render_plan(plan(params, LAPTOP))
    assert "profile laptop on 2 core(s), 8 GB memory" in text
    for model in params.matrix.models:
        assert f"pretrain@{model}" in text
    assert "all" in text.splitlines()[-4]


def test_lines_fit_a_terminal() -> None:
    lines = render_plan(plan(profile("gpt2-1558m"), GPU)).splitlines()
    assert max(map(len, lines)) <= 110


def test_what_rounds_up_to_the_next_unit_is_written_in_it() -> None:
    found = plan(profile("laptop"), replace(LAPTOP, memory_bytes=999_700_000))
    text = render_plan(replace(found, corpus=replace(found.corpus, tokens=999_600.0)))
    assert "1 GB memory" in text
    assert "about 1 M tokens" in text
