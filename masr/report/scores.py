"""Score files of any verb: what has an interval is drawn, and every number stands in tables to open."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from masr.io.figure import Axis, Bars, Series
from masr.maths.estimate import Estimate, Unit
from masr.report.cells import table
from masr.report.draw import draw_plate
from masr.report.gather import Run
from masr.report.markup import Child, tag
from masr.report.numbers import MINUS, MISSING, short
from masr.report.plate import Plate
from masr.report.score_words import in_words

_VALUE_NAMES = ("accuracy", "value", "mean", "estimate", "score", "rate")
_NAMELESS = ("value", "mean", "estimate", "score")
"""Names of values that do not say what is measured: the key above does."""
_SHARES = ("accuracy", "share", "chance", "eer", "wer", "cer", "f1", "error", "rate", "precision", "recall", "ece")
_MOST_ROWS = 300
_MOST_BARS = 24
_MANY_BARS = 12
"""More bars than these show one figure, the first: accuracy, and not the balanced accuracy too."""


@dataclass(frozen=True)
class Score:
    """One figure of a file; NaN where the file does not know it."""

    keys: tuple[str, ...]
    """From the file's outermost key to the figure's own."""
    figure: Estimate

    @property
    def subject(self) -> str:
        """What it is a figure of; empty where it is of all there is."""
        return in_words(self.keys)[0]

    @property
    def name(self) -> str:
        """Which figure it is."""
        return in_words(self.keys)[1]

    def text(self) -> str:
        """The value and its interval: a share in per cent, anything else to four digits, as its unit is not known."""
        one = self.figure
        if one.unit == "share":
            return f"{one.text(1)} %".replace("-", MINUS) if math.isfinite(one.value) else MISSING
        interval = "" if one.low is None or one.high is None else f" [{short(one.low)}, {short(one.high)}]"
        return short(one.value) + interval


Scores = dict[tuple[str, ...], Score]


def flattened(data: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Iterator[Score]:
    """Every number of a file; a value with `low` and `high` beside it is one score."""
    measured = _measured(data, keys)
    if measured is not None:
        yield measured
        return
    for name, value in data.items():
        inner = (*keys, str(name))
        if isinstance(value, Mapping):
            yield from flattened(value, inner)
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            number = _number(value)
            yield Score(inner, Estimate(_nan(number), unit=_unit(inner, number)))


def _measured(data: Mapping[str, Any], keys: tuple[str, ...]) -> Score | None:
    low, high = _number(data.get("low")), _number(data.get("high"))
    name = next((name for name in _VALUE_NAMES if name in data), None)
    if name is None or low is None or high is None:
        return None
    value, count = _number(data[name]), _number(data.get("count"))
    keys = keys if name in _NAMELESS and keys else (*keys, name)
    return Score(keys, Estimate(_nan(value), low, high, None if count is None else round(count), _unit(keys, value)))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _unit(keys: Sequence[str], value: float | None) -> Unit:
    """A share where its name, or the name of what holds one for each label, says so, and it can be one."""
    words = [word for key in keys[-2:] for word in key.lower().replace("-", "_").split("_")]
    return "share" if any(word in _SHARES for word in words) and value is not None and 0 <= value <= 1 else ""


def scores_of(runs: Sequence[Run]) -> dict[str, list[Scores]]:
    """File -> what it says of each run."""
    files = sorted({file for run in runs for file in run.scores})
    found = {file: [{s.keys: s for s in flattened(run.scores.get(file, {}))} for run in runs] for file in files}
    return {file: scores for file, scores in found.items() if any(scores)}


def score_plates(runs: Sequence[Run]) -> dict[str, list[Plate]]:
    """File -> bars of its figures that have an interval: those of the whole where all are too many to read."""
    return {file: list(_bars(file, runs, scores)) for file, scores in scores_of(runs).items()}


def score_section(runs: Sequence[Run], plates: Mapping[str, Sequence[Plate]]) -> list[Child]:
    """The bars of each score file with the figures of all runs side by side, and its tables to open."""
    parts: list[Child] = []
    for file, scores in scores_of(runs).items():
        drawn = [draw_plate(plate, class_="wide") for plate in plates.get(file, ())]
        grids = _beside(runs, scores) if len(runs) > 1 else _by_subject(scores[0])
        count = len({key for of_run in scores for key in of_run})
        title = f"all {count} figures of {file}.json" if count > 1 else f"the figure of {file}.json"
        parts += [*drawn, tag("details", tag("summary", title), *grids)]
    return parts


def _by_subject(scores: Scores) -> list[Child]:
    """One table for all that have the same figures: a row for each of them, a column for each figure."""
    rows: dict[str, dict[str, Score]] = {}
    for one in list(scores.values())[: 10 * _MOST_ROWS]:
        rows.setdefault(one.subject, {})[one.name] = one
    alike: dict[tuple[str, ...], dict[str, dict[str, Score]]] = {}
    for subject, row in rows.items():
        alike.setdefault(tuple(row), {})[subject] = row
    grids: list[Child] = []
    for names, group in alike.items():
        if len(group) == 1:
            ((subject, row),) = group.items()
            lines = [[name, row[name].text(), _count(row[name])] for name in names]
            grids.append(table([subject, "value", "of"], lines, caption=subject or "scores"))
            continue
        shown = list(group.items())[:_MOST_ROWS]
        lines = [
            [subject or "in all", *(row[name].text() for name in names), _count(*row.values())]
            for subject, row in shown
        ]
        grids.append(table(["", *names, "of"], lines, caption="scores"))
        if len(group) > len(shown):
            grids.append(tag("p", f"The first {len(shown)} of {len(group)} rows.", class_="note"))
    return grids


def _count(*row: Score) -> str:
    """How many a row's figures are of, where that is known and the same."""
    counts = {one.figure.count for one in row if one.figure.count is not None}
    return short(counts.pop()) if len(counts) == 1 else ""


def _beside(runs: Sequence[Run], scores: Sequence[Scores]) -> list[Child]:
    """A row for each figure, a column for each run, and the difference of two."""
    keys = list(dict.fromkeys(key for of_run in scores for key in of_run))
    measured = _with_interval(keys, scores)
    head = ["of", "figure", *(run.letter for run in runs)]
    if len(runs) == 2:
        head.append("B minus A")
    rows = []
    for key in [*measured, *(key for key in keys if key not in set(measured))][:_MOST_ROWS]:
        subject, name = in_words(key)
        row = [subject or "in all", name, *(s[key].text() if key in s else MISSING for s in scores)]
        if len(runs) == 2:
            row.append(_difference(scores[0].get(key), scores[1].get(key)))
        rows.append(row)
    grids: list[Child] = [table(head, rows, caption="scores", numbers_from=2)]
    if len(keys) > _MOST_ROWS:
        grids.append(tag("p", f"The first {_MOST_ROWS} of {len(keys)} figures.", class_="note"))
    return grids


def _with_interval(keys: Sequence[tuple[str, ...]], scores: Sequence[Scores]) -> list[tuple[str, ...]]:
    return [key for key in keys if any(key in s and s[key].figure.low is not None for s in scores)]


def _difference(a: Score | None, b: Score | None) -> str:
    """The text of b minus a, in points of per cent where both are shares."""
    if a is None or b is None or not math.isfinite(change := b.figure.value - a.figure.value):
        return MISSING
    shares = a.figure.unit == b.figure.unit == "share"
    text = f"{100 * abs(change):.1f} points" if shares else short(abs(change))
    sign = "" if not change else "+" if change > 0 else MINUS
    return sign + text


def _bars(file: str, runs: Sequence[Run], scores: Sequence[Scores]) -> Iterator[Plate]:
    """One drawing for shares and one for other figures."""
    keys = list(dict.fromkeys(key for of_run in scores for key in of_run))
    measured = _with_interval(keys, scores)
    if len(measured) * len(runs) > 2 * _MOST_BARS:
        outermost = min(map(len, measured))
        measured = [key for key in measured if len(key) == outermost]
    for share in (True, False):
        picked = [k for k in measured if share == any(k in s and s[k].figure.unit == "share" for s in scores)]
        of_one_figure = [key for key in picked if in_words(key)[1] == in_words(picked[0])[1]]
        if len(picked) > _MANY_BARS and len(of_one_figure) > 1:
            picked = of_one_figure
        if picked and len(picked) * len(runs) <= 2 * _MOST_BARS:
            series = tuple(
                _series(run, of_run, picked, len(runs) > 1) for run, of_run in zip(runs, scores, strict=True)
            )
            names, same = _bar_names(picked)
            chance = _chance(scores) if share else None
            title = same[:1].upper() + same[1:] if same else "Scores"
            axis = Axis("", "share" if share else "")
            note = "Thin lines: the intervals that the file gives."
            title = title if share else f"{title}, other than shares"
            drawn = Bars(f"{title}: {file}", names, series, axis, chance, "chance", note)
            yield Plate(f"scores.{file}" if share else f"scores.{file}.other", drawn)


def _series(run: Run, scores: Scores, keys: Sequence[tuple[str, ...]], many: bool) -> Series:
    picked = [scores[key].figure if key in scores else Estimate(math.nan) for key in keys]
    values, low, high = np.array([(one.value, _nan(one.low), _nan(one.high)) for one in picked]).T
    return Series(f"{run.letter} {run.name}" if many else run.name, values, low, high)


def _bar_names(keys: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], str]:
    """A name for each bar, and the name of the figure where it is the same of all."""
    words = [in_words(key) for key in keys]
    figures = {name for _, name in words}
    if len(figures) == 1 and len(words) > 1:
        return tuple(subject or "in all" for subject, _ in words), figures.pop()
    return tuple(f"{subject}: {name}" if subject else name for subject, name in words), ""


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _chance(scores: Sequence[Scores]) -> float | None:
    """The share of the commonest label, where all files agree on it."""
    found = {of_run["chance",].figure.value for of_run in scores if ("chance",) in of_run}
    return found.pop() if len(found) == 1 else None
