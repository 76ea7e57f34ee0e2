"""A made-up run in the written formats, for tests and for looking at the page."""

import json
import math
from pathlib import Path
from typing import Any

import polars

from gptpath.config.loading import load_params
from gptpath.config.params import Params
from tests.unit.report.fake_scores import PARAMETERS, zeroshot

FINAL_LOSS = {
    "gpt1-laptop": 3.42,
    "lstm-laptop": 3.61,
    "gpt2-laptop-s": 3.66,
    "gpt2-laptop-m": 3.40,
    "gpt2-laptop-l": 3.21,
}


def laptop_params() -> Params:
    return load_params(Path(__file__).parents[3] / "profiles" / "laptop.yaml")


def write_run(root: Path) -> None:
    params = laptop_params()
    write(root, "metrics/ingest.json", ingest())
    write(
        root,
        "metrics/tokenizer.json",
        {"vocab_size": 2048, "bytes_per_token": 3.31, "sample_bytes": 8e6},
    )
    write(root, "metrics/encode.json", encode())
    for model in params.matrix.models:
        write(root, f"metrics/pretrain/{model}.json", pretrain(model))
        write(root, f"metrics/zeroshot/{model}/results.json", zeroshot(model))
        write(root, f"ledger/pretrain/{model}.json", ledger("pretrain", model, 92.0, 1.3e13))
        write(root, f"ledger/zeroshot/{model}.json", ledger("zeroshot", model, 21.0, 2.0e12))
    for task in params.matrix.finetune_tasks:
        write(root, f"metrics/finetune/{task}.json", finetune(task))
        write(root, f"ledger/finetune/{task}.json", ledger("finetune", task, 44.0, 4.0e12))
    for stage in ("ingest", "tokenizer", "encode", "contamination", "scaling"):
        write(root, f"ledger/{stage}.json", ledger(stage, None, 9.0, None))
    write(root, "metrics/contamination.json", contamination())
    write(root, "metrics/scaling.json", scaling())
    write_samples(root / "metrics/zeroshot/gpt2-laptop-l/items.parquet")


def write(root: Path, path: str, record: Any) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def change(root: Path, path: str, edit: Any) -> None:
    """Rewrite one file after `edit(record)` changed it in place."""
    record = json.loads((root / path).read_text(encoding="utf-8"))
    edit(record)
    write(root, path, record)


def ingest() -> dict[str, Any]:
    groups = {"scipy": 4100, "numpy": 3050, "pandas": 2811, "torch": 2600, "python": 2211}
    groups |= {f"package-{n:02}": 900 - 40 * n for n in range(14)}
    return {
        "read": 46_211,
        "documents": {"train": 17_950, "validation": 214, "tasks": 3_204},
        "characters": {"train": 19_800_000, "validation": 231_000, "tasks": 3_500_000},
        "dropped": {"too-short": 19_120, "duplicate": 5_480, "mostly-symbols": 243},
        "groups": groups,
        "tasks": {
            task: {"train": 800, "validation": 200, "test": 500}
            for task in ("package", "acceptability", "entailment", "similarity", "continuation")
        },
    }


def encode() -> dict[str, Any]:
    return {
        "train": {"tokens": 6_012_000, "documents": 17_950, "bytes": 19_900_000},
        "validation": {"tokens": 70_100, "documents": 214, "bytes": 232_000},
        "baselines": {"unigram": {"loss": 6.21, "bpb": 2.7}, "bigram": {"loss": 4.43, "bpb": 1.93}},
    }


def pretrain(model: str) -> dict[str, Any]:
    loss = FINAL_LOSS[model]
    return {
        "model": model,
        "preset": model.replace("-", "_"),
        "family": "lstm" if "lstm" in model else "transformer",
        "parameters": PARAMETERS[model],
        "non_embedding_parameters": PARAMETERS[model] // 2,
        "flops_per_token": 6 * PARAMETERS[model],
        "tokens": 1_638_400,
        "flops": 6.0 * PARAMETERS[model] * 1_638_400,
        "train": [],
        "validation": [
            {
                "step": s,
                "tokens": s * 2048,
                "loss": loss + (7.62 - loss) * math.exp(-s / 120),
                "bpb": 1.0,
            }
            for s in range(0, 801, 50)
        ],
        "final": {"loss": loss, "bpb": loss / 2.29, "perplexity": math.exp(loss), "tokens": 70_100},
    }


def finetune(task: str) -> dict[str, Any]:
    chance = {"package": 0.09, "continuation": 0.25}.get(task, 0.5)
    medians = {
        "full": chance + 0.27,
        "no-pretraining": chance + 0.11,
        "no-auxiliary-loss": chance + 0.26,
        "lstm": chance + 0.19,
    }
    if task == "similarity":
        medians["no-pretraining"] = medians["full"] - 0.01
    summary = {v: {"median": m, "min": m - 0.012, "max": m + 0.014} for v, m in medians.items()}
    rows = [
        {"variant": v, "seed": seed, "accuracy": summary[v][key], "validation_accuracy": 0.6}
        for v in summary
        for seed, key in enumerate(("min", "median", "max"))
    ]
    return {
        "task": task,
        "kind": "classification",
        "metric": "accuracy",
        "chance": chance,
        "majority": chance + 0.01,
        "test_items": 500,
        "rows": rows,
        "summary": summary,
    }


def contamination() -> dict[str, Any]:
    sets = [
        {
            "name": task,
            "items": 400,
            "ngrams": 21_000 + 700 * n,
            "overlapping_ngrams": 300 * (n + 1),
            "share": 0.012 * (n + 1),
            "items_overlapping": 13 * (n + 1),
            "own_train_share": 0.03,
        }
        for n, task in enumerate(("package", "entailment", "cloze"))
    ]
    return {"ngram_words": 8, "sets": sets, "absent": {"lambada": "no benchmark file"}}


def scaling() -> dict[str, Any]:
    sizes = ("gpt2-laptop-s", "gpt2-laptop-m", "gpt2-laptop-l")
    models = [
        {"name": m, "parameters": PARAMETERS[m], "loss": FINAL_LOSS[m], "bpb": FINAL_LOSS[m] / 2.29}
        for m in sizes
    ]
    exponent = math.log(3.66 / 3.21) / math.log(1_090_000 / 240_000)
    fit = {
        "exponent": exponent,
        "low": 0.08,
        "high": 0.093,
        "coefficient": 3.66 * 240_000**exponent,
        "points": 3,
        "note": "Three sizes bound no law.",
    }
    return {
        "models": models,
        "loss_fit": fit,
        "score_fits": {"cloze/accuracy": {"slope": 0.2, "low": 0.1, "high": 0.3, "points": 3}},
        "prediction": {
            "model": "gpt2-laptop-l",
            "predicted_loss": 3.25,
            "actual_loss": 3.21,
            "relative_error": 0.0125,
        },
    }


def ledger(stage: str, item: str | None, wall: float, flops: float | None) -> dict[str, Any]:
    return {
        "stage": stage,
        "item": item,
        "mlflow_run_id": "0f3c9d2ab81e4f6f9d0a",
        "git_commit": "c80e4cc1a2b3c4d5e6f7",
        "started_at": "2026-01-02T03:04:05Z",
        "wall_seconds": wall,
        "cpu_seconds": wall * 0.98,
        "peak_memory_bytes": 910_000_000,
        "energy_joules": "unknown",
        "energy_source": "no RAPL or NVML counter",
        "machine": {"cpu": "Xeon 2.2 GHz", "cores": 2, "memory_bytes": 8_000_000_000},
        "tokens": 1_638_400 if flops else None,
        "flops": flops,
    }


def write_samples(path: Path) -> None:
    rows = {
        "task": ["cloze", "tldr", "tldr"],
        "prompt": [
            "…",
            "Return the <b>sorted</b> copy of an array.\n\nParameters\n----------\na : array",
            "Text " * 80,
        ],
        "candidates": [["x"], ["Sort an array & return it."], ["Compute the text of a text."]],
    }
    polars.DataFrame(rows).write_parquet(path)


DVC_LOCK = """schema: '2.0'
stages:
  encode:
    cmd: gptpath encode
    deps:
    - path: data/corpus
      hash: md5
      md5: 11f4c1a7b9a2cf0e6ea4ac5dd3c0ffee.dir
      size: 6100000
    params:
      params.yaml:
        encode.shard_tokens: 100000000
    outs:
    - path: data/tokens
      hash: md5
      md5: 22f4c1a7b9a2cf0e6ea4ac5dd3c0ffee.dir
      size: 12100000
  pretrain@gpt2-laptop-l:
    cmd: gptpath pretrain gpt2-laptop-l
    deps: []
    outs:
    - path: models/pretrained/gpt2-laptop-l
      hash: md5
      md5: 33f4c1a7b9a2cf0e6ea4ac5dd3c0ffee.dir
      size: 4400000
  pretrain@forgotten:
    cmd: gptpath pretrain forgotten
    outs: []
"""
