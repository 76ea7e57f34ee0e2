from pathlib import Path

import pytest

from gptpath.errors import PipelineError
from gptpath.report.results import beats_chance, load_results
from tests.unit.report.fake_run import laptop_params, write_run
from tests.unit.report.fake_scores import score


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("metrics/ingest.json", "dvc repro ingest"),
        ("metrics/pretrain/lstm-laptop.json", "dvc repro pretrain@lstm-laptop"),
        ("metrics/finetune/package.json", "dvc repro finetune@package"),
        ("metrics/zeroshot/gpt1-laptop/results.json", "dvc repro zeroshot@gpt1-laptop"),
        ("metrics/scaling.json", "dvc repro scaling"),
    ],
)
def test_a_missing_metrics_file_names_the_stage_to_run(
    tmp_path: Path, path: str, stage: str
) -> None:
    write_run(tmp_path)
    (tmp_path / path).unlink()
    with pytest.raises(PipelineError, match=stage):
        load_results(tmp_path, laptop_params())


def test_a_damaged_metrics_file_names_the_stage_to_run_again(tmp_path: Path) -> None:
    write_run(tmp_path)
    (tmp_path / "metrics/encode.json").write_text("{", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"encode\.json is not valid JSON.*encode"):
        load_results(tmp_path, laptop_params())


def test_models_stand_in_the_order_of_the_story(tmp_path: Path) -> None:
    write_run(tmp_path)
    results = load_results(tmp_path, laptop_params())
    assert results.models == (
        "gpt1-laptop",
        "lstm-laptop",
        "gpt2-laptop-s",
        "gpt2-laptop-m",
        "gpt2-laptop-l",
    )
    assert results.largest == "gpt2-laptop-l"


def test_a_missing_ledger_and_missing_samples_are_no_error(tmp_path: Path) -> None:
    write_run(tmp_path)
    (tmp_path / "ledger/encode.json").unlink()
    (tmp_path / "metrics/zeroshot/gpt2-laptop-l/items.parquet").unlink()
    results = load_results(tmp_path, laptop_params())
    assert "encode" not in results.ledger
    assert not results.samples


def test_perplexity_beats_chance_from_below() -> None:
    assert beats_chance(score("heldout", "perplexity", 30.0, 2.0, 2048.0, "p"))
    assert not beats_chance(score("heldout", "perplexity", 2050.0, 2.0, 2048.0, "p"))
    assert beats_chance(score("cloze", "accuracy", 0.3, 0.1, 0.1, "p"))
    assert not beats_chance(score("cloze", "accuracy", 0.3, 0.2, 0.1, "p"))
    assert not beats_chance(score("heldout", "bpb", 1.0, 0.1, None, "p"))
