"""Score files of any verb as tables and bars: what has an interval is drawn, every other number is listed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from masr.io.figure import Axis, Bars, Series
from masr.maths.estimate import Estimate, Unit
from masr.report.bars import bars_legend, draw_bars
from masr.report.cells import table
from masr.report.colours import Style
from masr.report.gather import Run
from masr.report.markup import Child, Markup, tag
from masr.report.numbers import MINUS, MISSING, short
from masr.report.plot import figure

_VALUE_NAMES = ("accuracy", "value", "mean", "estimate", "score", "rate")
_SHARES = ("accuracy", "share", "chance", "eer", "wer", "cer", "f1", "error", "rate", "precision", "recall")
_MOST_ROWS = 200
_MOST_BARS = 24


@dataclass(frozen=True)
class Score:
    """One figure of a file; NaN where the file does not know it."""

    name: str
    figure: Estimate

    def text(self) -> str:
        """The value and its interval: a share in per cent, anything else to four digits, as its unit is not known."""
        one = self.figure
        if one.unit == "share":
            return f"{one.text(1)} %".replace("-", MINUS)
        interval = "" if one.low is None or one.high is None else f" [{short(one.low)}, {short(one.high)}]"
        return short(one.value) + interval


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
            yield Score(inner, Estimate(_nan(_number(value)), unit=_unit(str(name), value)))


def _measured(data: Mapping[str, Any], key: str) -> Score | None:
    low, high = _number(data.get("low")), _number(data.get("high"))
    name = next((name for name in _VALUE_NAMES if name in data), None)
    if name is None or low is None or high is None:
        return None
    value, count = _number(data[name]), _number(data.get("count"))
    unit = _unit(name, value) or _unit(key.rpartition(", ")[2], value)
    label = key.removeprefix("shares, ") or name
    return Score(label, Estimate(_nan(value), low, high, None if count is None else round(count), unit))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _unit(name: str, value: float | None) -> Unit:
    """A share where its name says so and it can be one."""
    words = name.lower().replace("-", "_").split("_")
    return "share" if any(word in _SHARES for word in words) and value is not None and 0 <= value <= 1 else ""


def score_section(runs: Sequence[Run]) -> list[Child]:
    """A part of the page for each score file, with the figures of all runs side by side."""
    sections: list[Child] = []
    for name in sorted({file for run in runs for file in run.scores}):
        scores = [{s.name: s for s in flattened(run.scores.get(name, {}))} for run in runs]
        keys = list(dict.fromkeys(key for of_run in scores for key in of_run))
        if keys:
            sections.append(figure(f"Scores: {name}", *_body(runs, scores, keys), class_="wide"))
    return sections


def _body(runs: Sequence[Run], scores: Sequence[dict[str, Score]], keys: Sequence[str]) -> list[Child]:
    """Bars of what has an interval, and the table."""
    measured = [key for key in keys if any(key in s and s[key].figure.low is not None for s in scores)]
    many = len(runs) > 1
    head = ["", *(run.letter for run in runs)] if many else ["", "value", "of"]
    if len(runs) == 2:
        head.append("B minus A")
    rows = []
    for key in [*measured, *(k for k in keys if k not in measured)][:_MOST_ROWS]:
        row = [key, *(s[key].text() if key in s else MISSING for s in scores)]
        if not many:
            count = scores[0][key].figure.count
            row.append("" if count is None else short(count))
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
    """The text of b minus a, in points of per cent where both are shares."""
    if a is None or b is None or not math.isfinite(change := b.figure.value - a.figure.value):
        return MISSING
    shares = a.figure.unit == b.figure.unit == "share"
    text = f"{100 * abs(change):.1f} points" if shares else short(abs(change))
    sign = "" if not change else "+" if change > 0 else "\N{MINUS SIGN}"
    return sign + text


def _bars(runs: Sequence[Run], scores: Sequence[dict[str, Score]], measured: Sequence[str]) -> list[Markup | None]:
    """One drawing for shares and one for other figures, where they are few enough to read."""
    drawings: list[Markup | None] = []
    for share in (True, False):
        keys = [k for k in measured if share == any(k in s and s[k].figure.unit == "share" for s in scores)]
        if not keys or len(keys) * len(runs) > _MOST_BARS * 2:
            continue
        series = []
        for run, of_run in zip(runs, scores, strict=True):
            picked = [of_run[key].figure if key in of_run else Estimate(math.nan) for key in keys]
            values, low, high = np.array([(one.value, _nan(one.low), _nan(one.high)) for one in picked]).T
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
    found = {of_run["chance"].figure.value for of_run in scores if "chance" in of_run}
    return found.pop() if len(found) == 1 else None
