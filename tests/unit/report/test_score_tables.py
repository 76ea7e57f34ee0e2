import json

import pytest

from gptpath.report import score_tables
from gptpath.report.results import beats_chance, headline_scores, load_results
from tests.unit.report.fake_run import laptop_params, write_run


@pytest.fixture
def with_scores(tmp_path):
    """A fake run whose models have further final scores."""

    def make(**scores):
        write_run(tmp_path)
        for path in (tmp_path / "metrics/zeroshot").glob("*/results.json"):
            values = json.loads(path.read_text())
            values["checkpoints"][-1]["scores"] += [
                {"task": task, "metric": "accuracy", "items": 9, "protocol": "p"} | score
                for task, score in scores.items()
            ]
            path.write_text(json.dumps(values))
        return load_results(tmp_path, laptop_params())

    return make


SST2 = {"value": 0.7, "low": 0.6, "high": 0.8, "chance": 0.5, "random": 0.5, "majority": 0.55}


def test_both_blind_scores_stand_in_the_table(with_scores):
    table = score_tables.zeroshot_table(with_scores(**{"sst-2": SST2}))
    assert table.columns[2:4] == ("random", "majority")
    [row] = [row for row in table.rows if getattr(row[0], "text", "") == "sst-2"]
    assert row[2:4] == ("0.500", "0.550")
    assert row[4].strong


def test_a_score_below_the_best_constant_answer_is_not_above_chance():
    assert beats_chance(SST2 | {"metric": "accuracy"})
    assert not beats_chance(SST2 | {"metric": "accuracy", "majority": 0.65})
    bits = {"metric": "byte-bits-raw", "chance": 8.0, "low": 2.0, "high": 3.0}
    assert beats_chance(bits)


def test_figure_2_puts_scores_between_chance_and_the_best_before(with_scores):
    table = score_tables.figure2_table(with_scores(**{"sst-2": SST2}))
    [(task, ours, _)] = table.rows
    assert task == "sst-2"
    assert float(ours.text) == pytest.approx((0.7 - 0.5) / (0.932 - 0.5), abs=0.005)


def test_without_gpt1s_tasks_there_is_no_figure_2(with_scores):
    assert score_tables.figure2_table(with_scores()) is None


def test_translations_and_summaries_make_no_claims():
    scores = [
        SST2 | {"task": "sst-2", "metric": "accuracy", "statistic": "ratio"},
        SST2 | {"task": "wmt14-en-fr", "metric": "bleu", "statistic": "corpus-bleu"},
        SST2 | {"task": "cnn-dailymail", "metric": "rouge-1", "statistic": "ratio"},
    ]
    assert set(headline_scores(scores)) == {"sst-2"}


def test_absent_tasks_and_malformed_rows_are_told_with_their_reasons(with_scores, tmp_path):
    with_scores()
    for path in (tmp_path / "metrics/zeroshot").glob("*/results.json"):
        values = json.loads(path.read_text())
        values["malformed"] = {"piqa": {}, "race": {"no text": 2, "no answer": 1}}
        path.write_text(json.dumps(values))
    told = dict(score_tables.left_out(load_results(tmp_path, laptop_params())))
    assert told["race"] == "rows left out: 1 × no answer, 2 × no text"
    assert "lambada_test.jsonl" in told["lambada"]
    assert "piqa" not in told


def test_the_average_of_news_summaries_is_of_the_three_scores_that_gpt2_prints(with_scores):
    values = {"rouge-1": 0.4038, "rouge-2": 0.1766, "rouge-l": 0.25, "rouge-l-summary": 0.3662}
    results = with_scores()
    rouge = [
        {"task": "cnn-dailymail", "metric": kind, "value": value, "protocol": "tldr-rouge"}
        | {"low": value, "high": value, "chance": 0.1}
        for kind, value in values.items()
    ]
    results.zeroshot[results.largest]["checkpoints"][-1]["scores"].extend(rouge)
    table = score_tables.summaries_table(results, "cnn-dailymail")
    assert table.columns == ("system", "R-1", "R-2", "R-L", "R-L by sentences", "average")
    assert [row[-1] for row in table.rows] == ["31.55"]  # as GPT-2's Table 4 has it for Lede-3
    own = score_tables.summaries_table(results, "tldr")
    assert own.columns[1:] == ("R-1", "R-2", "R-L", "average")
    assert "by sentences" not in own.note
