"""metrics.jsonl of any length as curves of a few hundred points, in memory that does not grow with the file.

Each curve is kept as windows of steps: mean, smallest and largest value. When there are too many windows, neighbours
are joined in pairs; so a spike of one step in a million is still seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from masr.files import ordinary, parse_json
from masr.io.figure import Curve

MAX_WINDOWS = 320
_MAX_NAMES = 400
_BLOCK = 4096
_MAX_LINE = 1 << 20
_MAX_REASONS = 20
_LARGEST = 1e300


class Windows:
    """A growing curve: (step, sum, count, smallest, largest) of consecutive windows."""

    def __init__(self, most: int = MAX_WINDOWS) -> None:
        self.most = most
        self.size = 1
        """How many values a full window holds."""
        self.rows: list[list[float]] = []
        self.last: float | None = None
        """The newest value by itself."""
        self.count = 0

    def extend(self, steps: Sequence[float], values: Sequence[float]) -> None:
        """Adds values of later steps."""
        place = 0
        while place < len(values):
            if not self.rows or self.rows[-1][2] >= self.size:
                self.rows.append([0.0, 0.0, 0, math.inf, -math.inf])
            row = self.rows[-1]
            chunk = values[place : place + self.size - int(row[2])]
            place += len(chunk)
            row[0], row[1], row[2] = steps[place - 1], row[1] + sum(chunk), row[2] + len(chunk)
            row[3], row[4] = min(row[3], min(chunk)), max(row[4], max(chunk))
            if len(self.rows) > self.most:
                self._halve()
        self.last = values[-1]
        self.count += len(values)

    def forget_from(self, step: float) -> None:
        """Drops what a later line tells anew: the run went on from an older checkpoint."""
        while self.rows and self.rows[-1][0] >= step:
            self.count -= int(self.rows.pop()[2])

    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest value, of all there were."""
        return min(row[3] for row in self.rows), max(row[4] for row in self.rows)

    def curve(self, name: str) -> Curve:
        """Means, with an interval from smallest to largest where windows hold more than one value."""
        table = np.array(self.rows, dtype=np.float64).reshape(-1, 5)
        band = (table[:, 3], table[:, 4]) if self.size > 1 else (None, None)
        means = table[:, 1] / np.maximum(table[:, 2], 1)
        return Curve(name, table[:, 0], means, *band)

    def _halve(self) -> None:
        joined = []
        for n in range(0, len(self.rows), 2):
            pair = self.rows[n : n + 2]
            count = sum(row[2] for row in pair)
            total = sum(row[1] for row in pair)
            joined.append([pair[-1][0], total, count, min(row[3] for row in pair), max(row[4] for row in pair)])
        self.rows, self.size = joined, 2 * self.size


@dataclass
class Metrics:
    """Everything that a run's metrics.jsonl tells so far."""

    curves: dict[tuple[str, str], Windows] = field(default_factory=dict)
    """(name, split) -> its curve."""
    missing: dict[tuple[str, str], int] = field(default_factory=dict)
    """(name, split) -> how often the figure was not finite."""
    last_step: float = 0
    num_lines: int = 0
    num_broken: int = 0
    """Lines, but the last, that are no JSON object with a step."""
    left_out: set[tuple[str, str]] = field(default_factory=set)
    """(name, split) of the figures beyond what a page can show."""
    skips: list[tuple[float, str]] = field(default_factory=list)
    """The newest steps that were left out, and why."""
    num_skips: int = 0

    def names(self) -> list[str]:
        """Every figure, in the order it was first seen."""
        return list(dict.fromkeys(name for name, _ in self.curves))

    def splits(self, name: str) -> list[str]:
        """The splits that have a figure, train before all others."""
        return sorted((s for n, s in self.curves if n == name), key=lambda s: (s != "train", s))

    def last(self, name: str, split: str) -> float | None:
        """The newest value of a figure; None where there is none."""
        windows = self.curves.get((name, split))
        return windows.last if windows else None


def read_metrics(path: Path) -> Metrics:
    """The figures of a metrics.jsonl, read line by line; an unfinished last line of a running training is no fault."""
    metrics, reader = Metrics(), _Reader()
    for lines in _blocks(path):
        for entry in _entries(lines, metrics):
            reader.take(metrics, entry)
        reader.flush(metrics)
    return metrics


def _blocks(path: Path) -> Iterator[list[bytes]]:
    """Whole lines, some thousands at a time; the last one only where it is whole or parses."""
    with ordinary(path).open("rb") as stream:
        lines: list[bytes] = []
        while line := stream.readline(_MAX_LINE):
            if not line.endswith(b"\n") and not _is_whole(line):
                if len(line) < _MAX_LINE:
                    break
                while (rest := stream.readline(_MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
                line = b"?"
            lines.append(line)
            if len(lines) == _BLOCK:
                yield lines
                lines = []
        yield lines


def _is_whole(line: bytes) -> bool:
    try:
        parse_json(line)
    except ValueError:
        return False
    return True


def _entries(lines: list[bytes], metrics: Metrics) -> Iterator[dict[str, Any]]:
    for line in lines:
        if not line.strip():
            continue
        metrics.num_lines += 1
        try:
            entry = parse_json(line)
            step = entry["step"]
        except (ValueError, KeyError, TypeError):
            metrics.num_broken += 1
            continue
        if isinstance(step, int | float) and not isinstance(step, bool) and abs(step) < _LARGEST:
            yield entry
        else:
            metrics.num_broken += 1


class _Reader:
    """Figures of some thousand lines, by split and name, before they go to their curves together."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        """The newest step of each split."""
        self.waiting: dict[str, dict[str, tuple[list[float], list[float]]]] = {}

    def take(self, metrics: Metrics, entry: dict[str, Any]) -> None:
        """Takes in the object of one line."""
        step, split = float(entry.pop("step")), str(entry.pop("split", "train"))[:40]
        if split == "skip":
            metrics.num_skips += 1
            metrics.skips = [*metrics.skips, (step, str(entry.get("reason", ""))[:200])][-_MAX_REASONS:]
            return
        if step > self.steps.get(split, -math.inf):
            metrics.last_step = max(metrics.last_step, step)
        else:
            self._go_back(metrics, split, step)
        self.steps[split] = step
        waiting = self.waiting.setdefault(split, {})
        for name, value in entry.items():
            if type(value) is not float or not -_LARGEST < value < _LARGEST:
                number = _number(metrics, (name[:80], split), value)
                if number is None:
                    continue
                value = number
            pair = waiting.get(name)
            if pair is None:
                pair = waiting[name] = ([], [])
            pair[0].append(step)
            pair[1].append(value)

    def flush(self, metrics: Metrics) -> None:
        """Hands everything that is held to its curve."""
        for split, names in self.waiting.items():
            for name, (steps, values) in names.items():
                key = (name[:80], split)
                if key not in metrics.curves and len(metrics.curves) >= _MAX_NAMES:
                    metrics.left_out.add(key)
                else:
                    metrics.curves.setdefault(key, Windows()).extend(steps, values)
        self.waiting = {}

    def _go_back(self, metrics: Metrics, split: str, step: float) -> None:
        """The run went on from an older checkpoint: what this split told from `step` on is told anew."""
        self.flush(metrics)
        metrics.last_step = step
        for (_, of), windows in metrics.curves.items():
            if of == split:
                windows.forget_from(step)


def _number(metrics: Metrics, key: tuple[str, str], value: object) -> float | None:
    """A figure as a float; what is null was NaN or infinite, and is counted; what is no figure is passed over."""
    if isinstance(value, bool | str | list | dict):
        return None
    if isinstance(value, int | float) and abs(value) < _LARGEST:
        return float(value)
    if key in metrics.missing or len(metrics.missing) < _MAX_NAMES:
        metrics.missing[key] = metrics.missing.get(key, 0) + 1
    return None
