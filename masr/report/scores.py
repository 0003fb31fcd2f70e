"""Score files of any verb as tables and bars: what has an interval is drawn, every other number is listed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from masr.io.figure import Axis, Bars, Series
from masr.report.bars import bars_legend, draw_bars
from masr.report.cells import table
from masr.report.colours import Style
from masr.report.gather import Run
from masr.report.markup import Child, Markup, tag
from masr.report.numbers import MISSING, percent, short
from masr.report.plot import figure

_VALUE_NAMES = ("accuracy", "value", "mean", "estimate", "score", "rate")
_SHARES = ("accuracy", "share", "chance", "eer", "wer", "cer", "f1", "error", "rate", "precision", "recall")
_MOST_ROWS = 200
_MOST_BARS = 24


@dataclass(frozen=True)
class Score:
    """One figure of a file."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    count: float | None = None
    is_share: bool = False

    def text(self) -> str:
        """The value, its interval, and of how many it is."""
        shown = self._number(self.value)
        if self.low is not None and self.high is not None:
            shown += f" [{self._number(self.low)}, {self._number(self.high)}]"
        return shown

    def _number(self, value: float | None) -> str:
        return percent(value) if self.is_share else short(value)


def flattened(data: Mapping[str, Any], key: str = "") -> Iterator[Score]:
    """Every number of a file; a value with `low` and `high` beside it is one score."""
    measured = _measured(data, key)
    if measured is not None:
        yield measured
        return
    for name, value in data.items():
        inner = f"{key}, {name}" if key else str(name)
        if isinstance(value, Mapping):
            yield from flattened(value, inner)
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            yield Score(inner, _number(value), is_share=_is_share(str(name), value))


def _measured(data: Mapping[str, Any], key: str) -> Score | None:
    low, high = _number(data.get("low")), _number(data.get("high"))
    name = next((name for name in _VALUE_NAMES if name in data), None)
    if name is None or low is None or high is None:
        return None
    value = _number(data[name])
    share = _is_share(name, value) or _is_share(key.rpartition(", ")[2], value)
    label = key.removeprefix("shares, ") or name
    return Score(label, value, low, high, _number(data.get("count")), share)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _is_share(name: str, value: float | None) -> bool:
    words = name.lower().replace("-", "_").split("_")
    return any(word in _SHARES for word in words) and value is not None and 0 <= value <= 1


def score_section(runs: Sequence[Run]) -> list[Child]:
    """For each file, the figures of all runs side by side."""
    found: list[Child] = []
    for name in sorted({file for run in runs for file in run.scores}):
        scores = [{s.name: s for s in flattened(run.scores.get(name, {}))} for run in runs]
        keys = list(dict.fromkeys(key for of_run in scores for key in of_run))
        if keys:
            found.append(figure(f"Scores: {name}", *_body(runs, scores, keys), class_="wide"))
    return found


def _body(runs: Sequence[Run], scores: Sequence[dict[str, Score]], keys: Sequence[str]) -> list[Child]:
    """Bars of what has an interval, and the table."""
    measured = [key for key in keys if any(key in s and s[key].low is not None for s in scores)]
    many = len(runs) > 1
    head = ["", *(run.letter for run in runs)] if many else ["", "value", "of"]
    if len(runs) == 2:
        head.append("B minus A")
    rows = []
    for key in [*measured, *(k for k in keys if k not in measured)][:_MOST_ROWS]:
        row = [key, *(s[key].text() if key in s else MISSING for s in scores)]
        if not many:
            row.append(short(scores[0][key].count) if scores[0][key].count is not None else "")
        if len(runs) == 2:
            row.append(_difference(scores[0].get(key), scores[1].get(key)))
        rows.append(row)
    grid = table(head, rows, caption="scores")
    drawn = _bars(runs, scores, measured)
    parts: list[Child] = [tag("div", grid, tag("div", *drawn), class_="pair") if drawn else grid]
    if measured:
        parts.append(tag("p", "In brackets and as thin lines: the intervals that the file gives.", class_="note"))
    if len(keys) > _MOST_ROWS:
        parts.append(tag("p", f"The first {_MOST_ROWS} of {len(keys)} figures.", class_="note"))
    return parts


def _difference(a: Score | None, b: Score | None) -> str:
    """In points where both are shares."""
    if a is None or b is None or a.value is None or b.value is None:
        return MISSING
    change = b.value - a.value
    text = f"{100 * abs(change):.1f} points" if a.is_share and b.is_share else short(abs(change))
    sign = "" if not change else "+" if change > 0 else "\N{MINUS SIGN}"
    return sign + text


def _bars(runs: Sequence[Run], scores: Sequence[dict[str, Score]], measured: Sequence[str]) -> list[Markup | None]:
    """One drawing for shares and one for other figures, where they are few enough to read."""
    drawings: list[Markup | None] = []
    for share in (True, False):
        keys = [k for k in measured if share == any(k in s and s[k].is_share for s in scores)]
        if not keys or len(keys) * len(runs) > _MOST_BARS * 2:
            continue
        series = []
        for run, of_run in zip(runs, scores, strict=True):
            picked = [of_run.get(key) for key in keys]
            values, low, high = (
                np.array([_nan(getattr(s, name, None)) for s in picked]) for name in ("value", "low", "high")
            )
            series.append(Series(f"{run.letter} {run.name}" if len(runs) > 1 else run.name, values, low, high))
        chance = _chance(scores) if share else None
        bars = Bars("Scores", tuple(keys), tuple(series), Axis("", "share" if share else ""), chance, "chance")
        styles = [Style(n) for n in range(len(series))]
        drawings += [bars_legend(bars, styles), draw_bars(bars, styles)]
    return drawings


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _chance(scores: Sequence[dict[str, Score]]) -> float | None:
    """The share of the commonest label, where all files agree on it."""
    found = {of_run["chance"].value for of_run in scores if "chance" in of_run}
    return found.pop() if len(found) == 1 else None
