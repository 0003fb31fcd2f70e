"""Numbers as people read them, and axes that end on round ones."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"


def short(value: float | None, digits: int = 4) -> str:
    """At most so many significant digits, whole numbers whole; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == int(value) and abs(value) < 1e15:
        return grouped(int(value))
    if abs(value) >= 10**digits:
        return grouped(round(value)) if abs(value) < 1e15 else _exponent(value, digits)
    return f"{value:.{digits}g}".replace("-", MINUS) if abs(value) >= 1e-4 else _exponent(value, digits)


def percent(value: float | None) -> str:
    """A share of one, with one decimal."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{100 * value:.1f} %".replace("-", MINUS)


def grouped(value: int) -> str:
    """A whole number with a narrow space every three digits, from five digits on: 12 345."""
    text = str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return text.replace("-", MINUS, 1)


def _exponent(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{max(0, digits - 2)}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}".replace("-", MINUS)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) from at or below `low` to at or above `high`."""
    if not (math.isfinite(low) and math.isfinite(high)) or low > high:
        raise ValueError(f"no axis from {low} to {high}")
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = 0.5 * max(abs(low), 1e-12) if low else 0.5
        low, high = low - margin, high + margin
    exponent = math.floor(math.log10((high - low) / max(1, most - 1))) - 1
    for step in (factor * 10.0**power for power in range(exponent, exponent + 4) for factor in (1, 2, 5)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first + 1 <= most:
            return [_clean(n * step, step) for n in range(first, last + 1)]
    return [low, high]


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Powers of ten around the values; every second, third, ... where there are many."""
    if not 0 < low <= high < math.inf:
        raise ValueError(f"no logarithmic axis from {low} to {high}")
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    stride = -(-(last - first) // max(1, most - 1))
    last = first + -(-(last - first) // stride) * stride
    return [10.0**power for power in range(max(first, -307), min(last, 308) + 1, stride)]


def tick_texts(values: list[float]) -> list[str]:
    """Labels of an axis, all with the same number of decimals."""
    steps = [b - a for a, b in pairwise(values) if b > a]
    largest = max((abs(v) for v in values), default=0.0)
    if not steps or not 1e-4 <= largest < 1e15:
        return [short(v, 3) for v in values]
    unit, sign = next(((u, s) for u, s in ((1e9, "G"), (1e6, "M"), (1e4, "k")) if largest >= u), (1.0, ""))
    unit = 1e3 if sign == "k" else unit
    decimals = max(0, -math.floor(math.log10(min(steps) / unit) + 1e-9))
    if decimals > 5:
        return [short(v, 5) for v in values]
    texts = [f"{v / unit:.{decimals}f}{sign if v else ''}" for v in values]
    return [t.replace("-", MINUS) for t in texts]


def power_text(value: float) -> str:
    """The label of a tick on a logarithmic axis."""
    power = round(math.log10(value))
    return short(value) if abs(power) < 5 else f"1e{power}".replace("-", MINUS)


@dataclass(frozen=True)
class Scale:
    """Values along an axis become places along a side of a drawing."""

    ticks: tuple[float, ...]
    start: float
    """Where the first tick stands."""
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The place of a value."""
        low, high = self.ticks[0], self.ticks[-1]
        if self.log:
            value, low, high = math.log10(max(value, 1e-300)), math.log10(low), math.log10(high)
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def scale(values: Iterable[float], start: float, end: float, log: bool = False, most: int = 6) -> Scale:
    """A scale that holds all finite values; from 0 to 1 where there are none."""
    numbers = np.fromiter((v for v in values if math.isfinite(v)), dtype=np.float64)
    if log:
        numbers = numbers[numbers > 0]
    low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.1 if log else 0.0, 1.0)
    return Scale(tuple(log_ticks(low, high, most) if log else ticks(low, high, most)), start, end, log)


def _clean(value: float, step: float) -> float:
    """A tick without the rounding of its step: 0.3 for 0.30000000000000004."""
    return round(value, max(0, 2 - math.floor(math.log10(step)))) if 1e-14 < step < 1e14 else value
