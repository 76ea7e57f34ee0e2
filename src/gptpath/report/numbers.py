"""How numbers are written on the page."""

import math

MISSING = "–"
_ROUNDED = 0.9995
"""From this share of a unit on, three digits round up to the whole unit."""


def count(value: float | None) -> str:
    """Whole numbers with thin separators: 12345 -> `12,345`."""
    return MISSING if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """Three significant digits in thousands, millions, billions, trillions: `1.23 M`."""
    if value is None:
        return MISSING
    for limit, suffix in ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= _ROUNDED * limit:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}"


def fixed(value: float | None, digits: int = 3) -> str:
    """A fixed number of decimals; a true minus sign."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.{digits}f}".replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    """A share as per cent: 0.123 -> `12.3 %`."""
    return MISSING if value is None else f"{fixed(100 * value, digits)} %"


def tick(value: float) -> str:
    """A mark of an axis: as many decimals as it has, so that close marks are told apart."""
    return f"{value:.4g}".replace("-", "−")


def percent_tick(value: float) -> str:
    """The same of a share: 0.805 -> `80.5 %`."""
    return f"{tick(100 * value)} %"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 75 -> `1 min 15 s`."""
    if seconds is None:
        return MISSING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours / 24:,.1f} days"


def size(value: float | None) -> str:
    """Bytes: 1500000 -> `1.5 MB`."""
    if value is None:
        return MISSING
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= _ROUNDED * limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.0f} B"


def energy(joules: float | str | None) -> str:
    """Joules as Wh or kWh; whatever is not a number is said to be unknown."""
    if joules is None or isinstance(joules, str):
        return "unknown"
    watt_hours = joules / 3600
    if watt_hours >= _ROUNDED * 1000:
        return f"{watt_hours / 1000:.3g} kWh"
    return f"{watt_hours:.3g} Wh"


def flops(value: float | None) -> str:
    """FLOPs in powers of ten: 8.3e19 -> `8.3×10¹⁹`."""
    if value is None or value <= 0:
        return MISSING
    mantissa, power = f"{value:.1e}".split("e")
    superscript = str(int(power)).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
    return f"{float(mantissa):g}×10{superscript}"


def listing(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
