"""GPT-1's fine-tuning schedule, in the exact shape of its released code."""


def warmup_linear(share: float, *, warmup_fraction: float) -> float:
    """Learning-rate factor when `share` (in [0, 1)) of all updates is done.

    The warm-up ramp is itself multiplied by the linear decay, and the phase counts finished
    updates, so the first update has rate 0 (GPT-1 sec. 4.1; finetune-transformer-lm, opt.py).
    """
    ramp = share / warmup_fraction if share < warmup_fraction else 1.0
    return ramp * (1.0 - share)
