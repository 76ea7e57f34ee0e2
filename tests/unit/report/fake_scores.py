"""Made-up zero-shot scores of the models of the made-up run."""

import math
from typing import Any

PARAMETERS = {
    "gpt1-laptop": 567_000,
    "lstm-laptop": 470_000,
    "gpt2-laptop-s": 240_000,
    "gpt2-laptop-m": 550_000,
    "gpt2-laptop-l": 1_090_000,
}
STEPS = (0, 27, 90, 268, 800)
CHOICE_TASKS = {"last-word": 0.02, "cloze": 0.1, "continuation": 0.25, "acceptability": 0.0}


def zeroshot(model: str) -> dict[str, Any]:
    checkpoints = [
        {"step": step, "tokens": step * 2048, "scores": _scores(model, index / (len(STEPS) - 1))}
        for index, step in enumerate(STEPS)
    ]
    absent = {"lambada": "no file data/benchmarks/lambada/lambada_test.jsonl"}
    return {
        "model": model,
        "family": "transformer",
        "parameters": PARAMETERS[model],
        "checkpoints": checkpoints,
        "absent": absent,
    }


def _scores(model: str, progress: float) -> list[dict[str, Any]]:
    skill = 0.1 + 0.22 * math.log10(PARAMETERS[model] / 1e5)
    scores = [
        score("heldout", "perplexity", 2048 - progress * 2020, 3.0, 2048.0, "heldout-perplexity"),
        score("heldout", "bpb", 3.3 - progress * 1.8, 0.02, None, "heldout-bits-per-byte"),
    ]
    for task, chance in CHOICE_TASKS.items():
        value = chance + (1 - chance) * skill * progress
        metric = "mcc" if task == "acceptability" else "accuracy"
        scores.append(score(task, metric, value, 0.045, chance, f"{task}-rule"))
        scores.append(score(task, metric + "-sum", value * 0.9, 0.045, chance, f"{task}-sum"))
    for kind, level in (("rouge-1", 0.2), ("rouge-2", 0.07), ("rouge-l", 0.18)):
        for suffix, factor in (
            ("", 0.9 * progress),
            ("-no-hint", 0.6 * progress),
            ("-lead", 1.7),
            ("-random", 0.5),
        ):
            scores.append(
                score(
                    "tldr", kind + suffix, level * factor, 0.01, level * 0.5, f"tldr-rouge{suffix}"
                )
            )
    return scores


def score(
    task: str, metric: str, value: float, half: float, chance: float | None, rule: str
) -> dict[str, Any]:
    return {
        "task": task,
        "metric": metric,
        "value": value,
        "low": value - half,
        "high": value + half,
        "items": 400,
        "chance": chance,
        "protocol": rule,
    }
