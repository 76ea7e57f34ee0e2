"""Section `peers@SIZE`: nanoGPT and transformers on the same size, batch and device."""

import importlib.util
from dataclasses import asdict
from typing import Any

from benchmarks.gpu_check.child import Findings, earlier
from benchmarks.gpu_check.settings import Settings
from benchmarks.gpu_check.speed import SEQUENCES

_ROUND_SECONDS = 5.0


def run(settings: Settings, findings: Findings, item: str) -> None:
    ours = earlier(settings, f"speed@{item}")
    if "tokens_per_second" not in ours:
        findings.skip(f"there is no speed of {item} to compare with")
        return
    names = _names(settings)
    if not names:
        findings.skip("neither --nanogpt nor transformers with accelerate")
        return
    from benchmarks.train import write_tokens

    config = settings.shape(item)
    tokens = settings.work / "peers.tokens"
    write_tokens(tokens, config.vocab_size, 4_000_000)
    order = {
        "config": asdict(config),
        "batch": SEQUENCES[item],
        "tokens": str(tokens),
        "device": settings.device,
        "threads": 8,
        "nanogpt": settings.nanogpt,
    }
    micro = ours["micro_batch_size_sequences"]
    for name in names:
        found = _race(name, order, micro)
        micro = max(1, found.get("micro_batch_size_sequences", micro) // 2)  # of the next one
        rate = found.get("seconds") and SEQUENCES[item] * config.context_length / found["seconds"]
        ratio = ours["tokens_per_second"] / rate if rate else None
        findings.note(**{name: found | {"tokens_per_second": rate, "ours_is_faster_by": ratio}})


def _names(settings: Settings) -> list[str]:
    names = ["nanoGPT compiled"] if settings.nanogpt else []
    if all(importlib.util.find_spec(name) for name in ("transformers", "accelerate")):
        names.append("transformers")
    return names


def _race(name: str, order: dict[str, Any], micro: int) -> dict[str, Any]:
    """Time a contender with our micro-batch, or with the half of it as often as it must be."""
    from benchmarks.train import Contender
    from benchmarks.train_contender import Order

    while micro >= 1:
        try:
            contender = Contender(Order(contender=name, micro=micro, **order))
            contender.warm_up(_ROUND_SECONDS)
            times = [contender.run(contender.steps) for _ in range(2)]
            return {"seconds": min(times), "micro_batch_size_sequences": micro} | contender.end()
        except SystemExit:  # its process has ended, out of memory as a rule
            micro //= 2
    return {"note": "does not run at any size of micro-batch"}
