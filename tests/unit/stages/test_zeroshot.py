import dataclasses
import json
import math
import shutil
from pathlib import Path

import polars as pl
import pytest
import torch

from gptpath.config.loading import load_params
from gptpath.config.prompts import PromptTask
from gptpath.errors import CheckpointError, ConfigError
from gptpath.events import Evaluated, Progress, ignore
from gptpath.exchange.exporting import export_model
from gptpath.exchange.importing import import_model
from gptpath.model.build import build_model, count_parameters
from gptpath.model.folder import save_checkpoint, save_model
from gptpath.stages import zeroshot
from gptpath.stages.context import StageContext
from gptpath.text.labelled.task_files import TaskSpec, write_specs, write_task
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.shards import SplitWriter, write_index
from gptpath.zeroshot.intervals import Resampling
from gptpath.zeroshot.item_files import read_items, recompute
from gptpath.zeroshot.results import Score

PROFILE = Path(__file__).parents[3] / "profiles" / "laptop.yaml"
MODEL = "gpt2-laptop-s"
SCORE_KEYS = {field.name for field in dataclasses.fields(Score)}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.fixture
def params():
    loaded = load_params(PROFILE)
    shape = {"n_layer": 1, "n_head": 2, "n_embd": 16, "context_length": 32}
    entry = dataclasses.replace(loaded.models[MODEL], shape=shape)
    settings = dataclasses.replace(
        loaded.zeroshot,
        tasks=(*loaded.zeroshot.tasks, "lambada"),
        max_items=6,
        tldr_tokens=4,
        bootstrap_samples=20,
    )
    return dataclasses.replace(
        loaded,
        tokenizer=dataclasses.replace(loaded.tokenizer, vocab_size=257),
        models=loaded.models | {MODEL: entry},
        zeroshot=settings,
    )


@pytest.fixture
def checkout(tmp_path, params):
    tokenizer = tmp_path / "tokenizer"
    write_tokenizer(tokenizer, [bytes([byte]) for byte in range(256)], name="bytes")
    folder = tmp_path / "models" / "pretrained" / MODEL
    for step, seed in ((0, 1), (5, 2)):
        save_checkpoint(folder, build_model(params.model_config(MODEL), seed=seed), step=step)
    final = build_model(params.model_config(MODEL), seed=3)
    save_model(folder, final, step=10, tokenizer_folder=tokenizer)
    tokens = tmp_path / "data" / "tokens"
    writer = SplitWriter(tokens, "validation", vocab_size=257, shard_tokens=10**6)
    writer.append([*b"held-out text " * 30, 256], text_bytes=420)
    write_index(tokens, vocab_size=257, splits={"validation": writer.finish()})
    write_tasks(tmp_path / "data" / "tasks")
    return tmp_path


def write_tasks(folder):
    tasks = {
        "last-word": {"context": "so it", "target": "ends"},
        "continuation": {"context": "One.", "choices": ["Two.", "Six."], "label": 1},
        "acceptability": {"text": "It is.", "label": 1, "pair": "p"},
        "tldr": {"article": "Some text. More of it.", "summary": "Text."},
    }
    specs = [
        TaskSpec(name=name, kind="any", labels=(), columns=tuple(item), description="")
        for name, item in tasks.items()
    ]
    for spec in specs:
        items = [
            {"id": f"{split}{n}", "document": "d", "split": split} | tasks[spec.name]
            for split in ("validation", "test")
            for n in range(8)
        ]
        if spec.name == "acceptability":
            for n, item in enumerate(items):
                item["label"], item["pair"] = n % 2, f"{item['split']}{n // 2}"
        write_task(folder, spec, items)
    absent = TaskSpec(
        name="cloze", kind="cloze", labels=(), columns=(), description="", absent="too short"
    )
    write_specs(folder, [*specs, absent])


def run(checkout, params, *, item=MODEL, emit=ignore):
    return zeroshot.run(StageContext(root=checkout, params=params, item=item, emit=emit))


def read(checkout):
    path = checkout / "metrics" / "zeroshot" / MODEL / "results.json"
    return json.loads(path.read_text())


def test_every_checkpoint_answers_every_task_and_summaries_come_from_the_last(checkout, params):
    outcome = run(checkout, params)
    results = read(checkout)
    assert [c["step"] for c in results["checkpoints"]] == [0, 5, 10]
    batch = params.recipe(MODEL).batch_size_sequences
    assert results["checkpoints"][1]["tokens"] == 5 * batch * 32
    asked = [{score["task"] for score in c["scores"]} for c in results["checkpoints"]]
    early = {"heldout", "last-word", "continuation", "acceptability"}
    assert asked == [early, early, early | {"tldr"}]
    assert results["final_only"] == ["tldr"]
    model = build_model(params.model_config(MODEL), seed=0)
    assert results["parameters"] == count_parameters(model)
    assert results["family"] == "transformer"
    assert outcome.tokens > 0
    assert outcome.flops > 0


def test_an_imported_model_answers_as_the_one_it_was_exported_from(checkout, params):
    run(checkout, params)
    before = read(checkout)
    folder = checkout / "models" / "pretrained" / MODEL
    export_model(folder, checkout / "export")
    shutil.rmtree(folder)
    import_model(str(checkout / "export"), folder)
    run(checkout, params)
    after = read(checkout)
    assert after["checkpoints"] == before["checkpoints"][-1:]


def test_every_score_is_complete_and_lies_in_its_interval(checkout, params):
    run(checkout, params)
    for checkpoint in read(checkout)["checkpoints"]:
        for score in checkpoint["scores"]:
            assert set(score) == SCORE_KEYS
            assert score["low"] <= score["value"] <= score["high"]
            assert 0 < score["items"] <= 6
            assert score["protocol"]


def test_absent_data_is_listed_with_what_is_missing(checkout, params):
    run(checkout, params)
    absent = read(checkout)["absent"]
    assert set(absent) == {"cloze", "lambada"}
    assert "too short" in absent["cloze"]
    assert "lambada/lambada_test.jsonl" in absent["lambada"]


def test_malformed_items_are_counted(checkout, params):
    path = checkout / "data" / "tasks" / "last-word.parquet"
    frame = pl.read_parquet(path)
    broken = pl.when(pl.col("id") == "test1").then(pl.lit("two words")).otherwise("target")
    frame.with_columns(target=broken).write_parquet(path)
    run(checkout, params)
    results = read(checkout)
    assert results["malformed"]["last-word"] == {"target is not one word": 1}
    [score] = [
        s
        for s in results["checkpoints"][-1]["scores"]
        if (s["task"], s["metric"]) == ("last-word", "accuracy")
    ]
    assert score["items"] == 5


def test_item_records_are_those_of_the_final_checkpoint(checkout, params):
    run(checkout, params)
    folder = checkout / "metrics" / "zeroshot" / MODEL
    items = pl.read_parquet(folder / "items.parquet")
    assert set(items["task"]) == {"heldout", "last-word", "continuation", "acceptability", "tldr"}
    answered = items.filter(pl.col("task") == "continuation").row(0, named=True)
    assert answered["candidates"] == [" Two.", " Six."]
    assert answered["correct"] == (answered["chosen"] == answered["label"])


def test_events_tell_each_task_and_each_checkpoints_scores(checkout, params):
    events = []
    outcome = run(checkout, params, emit=events.append)
    evaluated = [e for e in events if isinstance(e, Evaluated)]
    assert [e.step for e in evaluated] == [0, 5, 10]
    assert evaluated[-1].values == outcome.metrics
    assert all(math.isfinite(v) for e in evaluated for v in e.values.values())
    assert "zeroshot/continuation/accuracy" in outcome.metrics
    progress = [e for e in events if isinstance(e, Progress)]
    assert [e.done for e in progress] == list(range(1, 14))
    assert {e.total for e in progress} == {13}


def test_the_outputs_are_the_same_bytes_when_run_again(checkout, params):
    folder = checkout / "metrics" / "zeroshot" / MODEL
    outputs = []
    for _ in range(2):
        run(checkout, params)
        outputs.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert outputs[0] == outputs[1]
    assert set(outputs[0]) == {"results.json", "items.parquet"}


def test_a_missing_model_is_named(checkout, params):
    with pytest.raises(CheckpointError, match="gpt2-laptop-l"):
        run(checkout, params, item="gpt2-laptop-l")
    with pytest.raises(ConfigError, match="needs a model"):
        run(checkout, params, item=None)


def test_a_prompt_task_of_ones_own_is_asked_like_any_other(checkout, params):
    folder = checkout / "data" / "benchmarks"
    folder.mkdir()
    rows = [{"q": f"{n}?", "c": ["a", "b"], "right": n % 2} for n in range(5)]
    (folder / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "broken\n")
    (folder / "other.yaml").write_text(
        'files: [mine.jsonl]\nprompt: "{q}"\nchoices: ["{c.0}", "{c.1}"]\nanswer: right\n'
    )
    own = PromptTask(files=("mine.jsonl",), prompt="Q: {q}", choices="c", answer="right")
    settings = dataclasses.replace(
        params.zeroshot, prompts={"mine": own, "other": "other.yaml"}, tasks=("mine", "other")
    )
    outcome = run(checkout, dataclasses.replace(params, zeroshot=settings))
    results = read(checkout)
    assert {"zeroshot/mine/accuracy", "zeroshot/other/accuracy-norm"} <= set(outcome.metrics)
    assert results["malformed"]["mine"] == {"no field q": 1}
    assert [len(c["scores"]) for c in results["checkpoints"]] == [4, 4, 4]


def test_every_score_of_the_results_can_be_made_again_from_the_items(checkout, params):
    run(checkout, params)
    results = read(checkout)
    rows = list(read_items(checkout / "metrics" / "zeroshot" / MODEL))
    resampling = Resampling(**results["resampling"])
    for score in results["checkpoints"][-1]["scores"]:
        found = recompute(rows, score, resampling)
        assert found == pytest.approx((score["value"], score["low"], score["high"]))
