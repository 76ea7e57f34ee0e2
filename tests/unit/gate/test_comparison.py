import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gptpath.config.gate import Gate
from gptpath.config.sections import Compute
from gptpath.gate.comparison import (
    HeldOut,
    check_heldout,
    check_tokenizers,
    compare_models,
    read_heldout,
    scorer_of,
)
from gptpath.gate.soundness import check_soundness
from tests.unit.gate.conftest import made_up_texts, write_split

SETTINGS = Gate(min_items=10, passage_characters=50, samples=200)
COMPUTE = Compute(device="cpu", precision="float32")
Make = Callable[..., Path]


def heldout(folder: Path, settings: Gate = SETTINGS, *, leaked: int = 0) -> HeldOut:
    texts = made_up_texts(20, seed=1)
    write_split(folder / "validation", texts)
    train = [*made_up_texts(20, seed=2), *texts[:leaked]]
    return read_heldout(folder / "validation", [train], settings, ngram_words=6)


def test_the_better_model_is_found_better_by_what_direct_scoring_says(
    tmp_path: Path, make_model: Make
) -> None:
    items = heldout(tmp_path)
    plain, leaning = make_model("plain"), make_model("leaning", lean=1.0)
    score = scorer_of(items, SETTINGS, COMPUTE)
    found, rule = compare_models(plain, leaning, items, score, SETTINGS)
    text_bytes = sum(len(passage.text.encode()) for passage in items.passages)
    for folder, bpb in ((plain, found.champion_bpb), (leaning, found.challenger_bpb)):
        assert bpb == pytest.approx(score(folder).sum() / text_bytes / math.log(2))
    assert found.high < 0
    assert (rule.unit, found.items) == ("document", 20)
    back, _ = compare_models(leaning, plain, items, score, SETTINGS)
    assert back.mean == pytest.approx(-found.mean)


def test_a_model_against_itself_differs_by_nothing(tmp_path: Path, make_model: Make) -> None:
    items, model = heldout(tmp_path), make_model("one")
    score = scorer_of(items, SETTINGS, COMPUTE)
    found, _ = compare_models(model, model, items, score, SETTINGS)
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_differing_tokenizers_compare_by_bytes(tmp_path: Path, make_model: Make) -> None:
    items = heldout(tmp_path)
    one, other = make_model("bytes"), make_model("words", merges=3)
    assert check_tokenizers(one, one, items).note == "the same one"
    check = check_tokenizers(one, other, items)
    assert check.passed
    assert "differ" in check.note
    score = scorer_of(items, SETTINGS, COMPUTE)
    found, _ = compare_models(one, other, items, score, SETTINGS)
    # Both are near uniform over their vocabularies, but the second needs fewer tokens.
    assert found.champion_bpb == pytest.approx(math.log2(257), rel=0.05)
    assert found.challenger_bpb < found.champion_bpb - 0.5


def test_a_tokenizer_that_loses_text_is_compared_only_with_itself(
    tmp_path: Path, make_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = heldout(tmp_path)
    one, other = make_model("bytes"), make_model("words", merges=3)
    monkeypatch.setattr(
        "gptpath.gate.comparison.keeps_text", lambda folder, _: folder.name != "words"
    )
    check = check_tokenizers(one, other, items)
    assert not check.passed
    assert "challenger's does not give texts back" in check.note


def test_contaminated_items_are_left_out_and_too_many_refused(tmp_path: Path) -> None:
    few = heldout(tmp_path / "few", leaked=1)
    assert few.contaminated.sum() == 1
    assert len(few.sums(np.ones(len(few.passages)))) == 19
    assert [check.passed for check in check_heldout(few, SETTINGS)] == [True, True]
    many = heldout(tmp_path / "many", leaked=2)
    items, contamination = check_heldout(many, SETTINGS)
    assert items.passed
    assert not contamination.passed
    assert "10.0% of the documents" in contamination.note
    assert check_heldout(many, replace(SETTINGS, max_contaminated=0.1))[1].passed


def test_few_documents_are_compared_by_passage_and_too_few_not_at_all(tmp_path: Path) -> None:
    by_passage = heldout(tmp_path / "a", replace(SETTINGS, min_items=25))
    assert by_passage.unit == "passage"
    assert len(by_passage.contaminated) == len(by_passage.passages) > 20
    check = check_heldout(by_passage, replace(SETTINGS, min_items=1000))[0]
    assert not check.passed
    assert "at least 1000" in check.note


def test_a_whole_folder_is_sound_and_others_say_what_is_wrong(make_model: Make) -> None:
    folder = make_model("model")
    assert check_soundness(folder).passed
    weights = load_file(folder / "model.safetensors")
    weights["wte.weight"][3, 3] = torch.nan
    save_file(weights, folder / "model.safetensors")
    check = check_soundness(folder)
    assert not check.passed
    assert "not finite: wte.weight" in check.note
    (folder / "model.safetensors").write_bytes(b"short")
    assert "not a whole safetensors file" in check_soundness(folder).note
    (folder / "config.json").write_text("{}")
    assert not check_soundness(folder).passed
