"""Every verdict follows the numbers: flip the numbers, and it flips."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gptpath.report.results import load_results
from gptpath.report.verdicts import Verdict, all_verdicts
from tests.unit.report.fake_run import change, laptop_params, write_run
from tests.unit.report.fake_scores import PARAMETERS

LARGEST = "metrics/zeroshot/gpt2-laptop-l/results.json"
SMALLEST = "metrics/zeroshot/gpt2-laptop-s/results.json"


def verdicts(root: Path) -> dict[str, Verdict]:
    found = all_verdicts(load_results(root, laptop_params()))
    return {verdict.claim: verdict for verdict in found}


def only(root: Path, words: str) -> Verdict:
    [verdict] = [v for claim, v in verdicts(root).items() if words in claim]
    return verdict


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_run(tmp_path)
    return tmp_path


def lose_to_bigram(run: Path) -> None:
    for model in PARAMETERS:
        change(run, f"metrics/pretrain/{model}.json", lambda r: r["final"].update(loss=9.9))


def shuffle_sizes(run: Path) -> None:
    for model, loss in (("gpt2-laptop-s", 3.0), ("gpt2-laptop-m", 3.1), ("gpt2-laptop-l", 3.2)):
        change(run, f"metrics/pretrain/{model}.json", lambda r, x=loss: r["final"].update(loss=x))


def level_variant(variant: str) -> Callable[[Path], None]:
    def edit(record: dict[str, Any]) -> None:
        record["summary"][variant] = dict(record["summary"]["full"])

    def apply(run: Path) -> None:
        for task in laptop_params().matrix.finetune_tasks:
            change(run, f"metrics/finetune/{task}.json", edit)

    return apply


def each_score(record: dict[str, Any], edit: Callable[[dict[str, Any]], None]) -> None:
    for checkpoint in record["checkpoints"]:
        for score in checkpoint["scores"]:
            edit(score)


def guess(score: dict[str, Any]) -> None:
    if score["chance"] is not None:
        score.update(value=score["chance"], low=score["chance"] - 0.1, high=score["chance"] + 0.1)


def fall_to_chance(run: Path) -> None:
    change(run, LARGEST, lambda record: each_score(record, guess))


def stand_still(run: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        record["checkpoints"][0]["scores"] = record["checkpoints"][-1]["scores"]

    change(run, LARGEST, edit)


def equal_sizes(run: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        each_score(record, lambda score: score.update(value=0.99))

    change(run, SMALLEST, edit)


def useless_hint(run: Path) -> None:
    def edit(score: dict[str, Any]) -> None:
        if score["metric"].endswith("-no-hint"):
            score["value"] = 0.9

    change(run, LARGEST, lambda record: each_score(record, edit))


def good_random(run: Path) -> None:
    def edit(score: dict[str, Any]) -> None:
        if score["metric"].endswith("-random"):
            score["value"] = 0.9

    change(run, LARGEST, lambda record: each_score(record, edit))


FLIPS = [
    ("unigram and bigram", lose_to_bigram),
    ("lower held-out loss", shuffle_sizes),
    ("Pretraining helps", level_variant("no-pretraining")),
    ("pretrained LSTM", level_variant("lstm")),
    ("above chance", fall_to_chance),
    ("along pretraining", stand_still),
    ("rise with size", equal_sizes),
    ("random sentence", good_random),
    ("hint", useless_hint),
]


@pytest.mark.parametrize(("words", "flip"), FLIPS, ids=[words for words, _ in FLIPS])
def test_a_verdict_flips_when_the_numbers_flip(
    run: Path, words: str, flip: Callable[[Path], None]
) -> None:
    before = only(run, words)
    assert before.status == ("partly" if words == "Pretraining helps" else "yes")
    flip(run)
    after = only(run, words)
    assert after.status == "no"
    assert after.finding != before.finding


def test_every_verdict_is_among_the_flips(run: Path) -> None:
    claims = list(verdicts(run))
    assert len(claims) == len(FLIPS)
    assert all(any(words in claim for claim in claims) for words, _ in FLIPS)


def test_one_model_below_the_bar_is_named_and_makes_the_claim_partial(run: Path) -> None:
    change(run, "metrics/pretrain/lstm-laptop.json", lambda r: r["final"].update(loss=5.0))
    verdict = only(run, "unigram and bigram")
    assert verdict.status == "partly"
    assert verdict.finding == "4 of 5 models have a lower held-out loss; lstm-laptop not."


def test_a_loss_that_is_not_a_number_does_not_beat_the_bigram(run: Path) -> None:
    change(run, "metrics/pretrain/lstm-laptop.json", lambda r: r["final"].update(loss=float("nan")))
    assert "lstm-laptop not" in only(run, "unigram and bigram").finding


def test_medians_apart_by_less_than_the_spread_do_not_count(run: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        record["summary"]["full"] = {"median": 0.75, "min": 0.60, "max": 0.76}
        record["summary"]["no-pretraining"] = {"median": 0.61, "min": 0.60, "max": 0.62}

    change(run, "metrics/finetune/package.json", edit)
    assert "package" in only(run, "Pretraining helps").finding


def test_one_seed_leaves_the_fine_tuning_claims_unchecked(run: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        record["rows"] = [row for row in record["rows"] if row["seed"] == 0]

    for task in laptop_params().matrix.finetune_tasks:
        change(run, f"metrics/finetune/{task}.json", edit)
    assert only(run, "Pretraining helps").status == "unknown"


def test_nothing_asked_zero_shot_leaves_its_claims_unchecked(run: Path) -> None:
    change(run, LARGEST, lambda record: record.update(checkpoints=[]))
    for words in ("above chance", "along pretraining", "rise with size", "hint"):
        assert only(run, words).status == "unknown"


def test_summaries_of_news_count_as_those_of_the_own_documents_do(run: Path) -> None:
    own = [only(run, words) for words in ("random sentence", "hint")]

    def rename(record: dict[str, Any]) -> None:
        each_score(record, lambda s: s.update(task=s["task"].replace("tldr", "cnn-dailymail")))

    change(run, LARGEST, rename)
    assert [only(run, words) for words in ("random sentence", "hint")] == own


def test_two_sets_of_summaries_are_told_apart(run: Path) -> None:
    def double(record: dict[str, Any]) -> None:
        scores = record["checkpoints"][-1]["scores"]
        scores += [s | {"task": "cnn-dailymail"} for s in scores if s["task"] == "tldr"]

    kinds = len(only(run, "hint").evidence)
    change(run, LARGEST, double)
    evidence = only(run, "hint").evidence
    assert len(evidence) == 2 * kinds
    assert sum(line.startswith("cnn-dailymail rouge-1: ") for line in evidence) == 1


def test_a_perplexity_counts_neither_as_accuracy_nor_as_chance(run: Path) -> None:
    assert not any("heldout" in line for line in only(run, "above chance").evidence)


def test_the_best_constant_answer_that_a_score_fails_on_is_told(run: Path) -> None:
    def edit(score: dict[str, Any]) -> None:
        if score["task"] == "cloze":
            score.update(value=0.2, low=0.15, high=0.25, chance=0.1, majority=0.16)

    change(run, LARGEST, lambda record: each_score(record, edit))
    verdict = only(run, "above chance")
    assert "cloze not" in verdict.finding
    line = "cloze: 0.200 [0.150, 0.250], chance 0.100, best constant answer 0.160"
    assert line in verdict.evidence
