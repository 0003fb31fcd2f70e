"""A value with its interval: what every score and analysis hands on, and the one way it is written.

People read `12.3 ± 1.2` where the interval lies evenly around the value and `12.3 [11.4, 13.9]` where it does not; a
share of one is written in per cent. Files hold `value`, `low`, `high` and, where it is known, `count`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["", "share", "nats"]
"""`share` is of one, and is written in per cent; `` is a plain number, or one whose unit stands in a heading."""


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its 95 % interval."""

    value: float
    """NaN where it cannot be known."""
    low: float | None = None
    """None, as `high` is then, where there is nothing to draw from, or nobody drew."""
    high: float | None = None
    count: int | None = None
    """How many it is of: utterances, pairs, seeds."""
    unit: Unit = ""

    def text(self, digits: int, sign: bool = False) -> str:
        """The value with its interval, if it has one: `12.3 ± 1.2`, or the two ends where they lie unevenly."""
        value = self.value_text(digits, sign)
        if self.low is None or self.high is None:
            return value
        up, down = self.high - self.value, self.value - self.low
        if math.isclose(up, down, rel_tol=1e-9, abs_tol=1e-9):
            return f"{value} ± {number(up * self._factor, digits)}"
        return f"{value} {self.interval_text(digits, sign)}"

    def value_text(self, digits: int, sign: bool = False) -> str:
        """The value alone; a dash where it is not known."""
        return number(self.value * self._factor, digits, sign)

    def interval_text(self, digits: int, sign: bool = False) -> str:
        """`[11.4, 13.9]`; nothing where there is no interval."""
        if self.low is None or self.high is None:
            return ""
        low, high = (number(end * self._factor, digits, sign) for end in (self.low, self.high))
        return f"[{low}, {high}]"

    def as_json(self, value: str = "value", count: str = "count") -> dict[str, Any]:
        """Plain values under the keys of score files; `value` and `count` name the keys where a file has others."""
        found = {value: self.value, "low": self.low, "high": self.high}
        return found if self.count is None else {**found, count: self.count}

    @property
    def _factor(self) -> float:
        return 100.0 if self.unit == "share" else 1.0


def points(change: Estimate) -> str:
    """A difference of shares in points of per cent, with its interval: −3.1 [−5.0, −1.2]."""
    return change.text(1, sign=True).replace("-", "\N{MINUS SIGN}")


def number(value: float, digits: int, sign: bool = False) -> str:
    """With so many digits after the point; never -0, and a dash for NaN."""
    if math.isnan(value):
        return "-"
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return text.replace("-", "+" if sign else "", 1) if float(text) == 0 else text
