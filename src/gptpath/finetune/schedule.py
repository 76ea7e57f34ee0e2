"""GPT-1's fine-tuning schedule: as its released code has it, and as the paper describes it."""

from typing import Literal

ScheduleName = Literal["released", "paper"]


def warmup_linear(
    share: float, *, warmup_fraction: float, shape: ScheduleName = "released"
) -> float:
    """Learning-rate factor when `share` (in [0, 1)) of all updates is done.

    `released`: the warm-up ramp is itself multiplied by the linear decay, which began with the
    first update, so the peak is 1 - warm-up (finetune-transformer-lm, opt.py). `paper`: a ramp to
    1, then a linear decay from there (GPT-1 sec. 4.1). The phase counts finished updates, so with a
    warm-up the first update has rate 0 in both.
    """
    ramp = share / warmup_fraction if share < warmup_fraction else 1.0
    if shape == "released":
        return ramp * (1.0 - share)
    return min(ramp, (1.0 - share) / (1.0 - warmup_fraction))
