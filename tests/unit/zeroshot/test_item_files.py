import builtins
import importlib.util
import json
from dataclasses import asdict

import numpy as np
import pytest

from gptpath.zeroshot.choices import score_continuation
from gptpath.zeroshot.item_files import read_items, recompute, write_items
from gptpath.zeroshot.items import ChoiceItem, LastWordItem
from gptpath.zeroshot.last_word import score_lambada
from gptpath.zeroshot.perplexity import TextSet, score_text

CHOICES = [
    ChoiceItem(id=str(n), context="c", choices=(" x", " yy", f" {n}"), label=n % 3)
    for n in range(12)
]
WORDS = [LastWordItem(id=str(n), context=f"so {n}", target="ends") for n in range(9)]


def all_results(scorer, report):
    lines = (" the cat , a \n",) * 5
    text = TextSet(spellings={"raw": lines}, units={"word": 25}, by_line=True)
    return [
        score_continuation(scorer, report, CHOICES),
        score_lambada(scorer, report, WORDS),
        score_text(scorer, report, text),
    ]


@pytest.mark.parametrize("with_polars", [True, False])
def test_every_score_and_interval_can_be_made_again_from_the_items(
    tmp_path, make_scorer, report, monkeypatch, with_polars
):
    if not with_polars:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for result in all_results(make_scorer(), report):
        path = write_items(tmp_path, result.records)
        assert path.suffix == (".parquet" if with_polars else ".jsonl")
        rows = list(read_items(tmp_path))
        assert len(rows) == len(result.records) > 0
        for score in result.scores:
            found = recompute(rows, json.loads(json.dumps(asdict(score))), report.resampling)
            assert found == pytest.approx((score.value, score.low, score.high), rel=1e-12)


def test_equal_records_give_equal_bytes(tmp_path, make_scorer, report):
    written = []
    for _ in range(2):
        [first, *_] = all_results(make_scorer(), report)
        written.append(write_items(tmp_path, first.records).read_bytes())
    assert written[0] == written[1]


def test_the_numbers_behind_each_choice_are_kept(make_scorer, report):
    [result, *_] = all_results(make_scorer(), report)
    for record in result.records:
        mean, total, _ = record.measures
        assert total.judged == record.log_probs
        assert mean.judged == pytest.approx(
            np.array(record.log_probs) / np.array(record.token_counts)
        )
        assert mean.chosen == int(np.argmax(mean.judged)) == record.chosen
        assert record.correct == (record.chosen == record.label)


def test_a_machine_without_polars_writes_json_lines(tmp_path, make_scorer, report, monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.split(".")[0] == "polars":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    [first, *_] = all_results(make_scorer(), report)
    assert write_items(tmp_path, first.records).name == "items.jsonl"
    assert [row["id"] for row in read_items(tmp_path)] == [item.id for item in CHOICES]
