"""The fine-tuning study of a bare machine: packed by hand, run with models that take no time."""

import gzip
import json
import time
from dataclasses import asdict, replace

import pytest

from benchmarks import finetune_study
from benchmarks.gpu_check.corpus import make_tokens
from gptpath.config.finetune import Finetune
from gptpath.config.params import Recipe
from gptpath.config.presets import gpt1_laptop, lstm_laptop
from gptpath.config.sections import Compute
from gptpath.finetune.data_sets import Absent, TaskRows

VARIANTS = ("full", "no-pretraining", "lstm")


def rows(split):
    words = ("a good film", "a bad film")
    return [
        {"id": f"{split}-{n}", "text": f"{words[n % 2]} number {n}", "label": n % 2}
        for n in range(12)
    ]


@pytest.fixture
def pack(tmp_path):
    texts, folder = tmp_path / "texts", tmp_path / "pack"
    texts.mkdir()
    for n in range(60):
        (texts / f"{n}.txt").write_text(f"A good film and a bad film, number {n}. " * 20)
    make_tokens(texts, folder, most_bytes=10**6, vocab_size=300)
    shape = {"vocab_size": 300, "n_embd": 16, "context_length": 32, "n_layer": 1}
    configs = {
        "pretrained": replace(gpt1_laptop(), n_head=2, **shape),
        "lstm": replace(lstm_laptop(), n_hidden=16, **shape),
    }
    recipe = Recipe(
        steps=2,
        batch_size_sequences=2,
        learning_rate=1e-3,
        warmup_steps=1,
        validation_tokens=64,
        checkpoint_every_steps=2,
        validate_every_steps=2,
        published_checkpoints=1,
    )
    here = TaskRows(
        name="films",
        kind="classification",
        labels=("good", "bad"),
        **{split: rows(split) for split in ("train", "validation", "test")},
    )
    away = Absent(name="rte", kind="entailment", metric="accuracy", reason="no folder RTE")
    settings = Finetune(
        pretrained="p", lstm="l", variants=VARIANTS, seeds=(0, 1), epochs=1, bootstrap_samples=20
    )
    study = {
        "seed": 1,
        "compute": asdict(Compute(device="cpu")),
        "finetune": asdict(settings),
        "models": {
            base: {"config": asdict(config), "recipe": asdict(recipe)}
            for base, config in configs.items()
        },
        "data_sets": [asdict(here) | {"absent": False}, asdict(away) | {"absent": True}],
    }
    with gzip.open(folder / "study.json.gz", "wt", encoding="utf-8") as file:
        json.dump(study, file)
    return folder


@pytest.mark.slow
def test_every_variant_of_what_is_here_is_measured_as_the_stage_does(pack, tmp_path):
    out = tmp_path / "out"
    late = finetune_study.Study(pack, out, time.monotonic() + 120).run(workers=1)
    assert late == []
    films = json.loads((out / "metrics" / "finetune" / "films.json").read_text())
    assert [(row["variant"], row["seed"]) for row in films["rows"]] == [
        (variant, seed) for variant in VARIANTS for seed in (0, 1)
    ]
    assert set(films["summary"]) == set(VARIANTS)
    assert films["train_items"] == films["test_items"] == 12
    absent = json.loads((out / "metrics" / "finetune" / "rte.json").read_text())
    assert absent["absent"] == "no folder RTE"
    for base in finetune_study.BASES:
        pretrained = json.loads((out / f"pretrain-{base}.json").read_text())
        assert pretrained["tokens"] == 2 * 2 * 32

    written = [(out / f"pretrain-{base}.json").stat().st_mtime_ns for base in finetune_study.BASES]
    again = out / "metrics" / "finetune" / "films.json"
    again.unlink()
    assert finetune_study.Study(pack, out, time.monotonic() + 120).run(workers=1) == []
    assert json.loads(again.read_text())["summary"] == films["summary"]
    assert written == [
        (out / f"pretrain-{base}.json").stat().st_mtime_ns for base in finetune_study.BASES
    ], "trained again"


def test_what_is_not_done_in_time_is_named(pack, tmp_path):
    late = finetune_study.Study(pack, tmp_path / "out", time.monotonic()).run(workers=1)
    assert late == ["pretraining pretrained", "pretraining lstm"]
