"""Bounds on mutual information over a grid: representations (layers, checkpoints), numbers of clusters, probes.

Shapes: N frames, D width, V classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from masr.analysis.information import infonce_mine as critics
from masr.analysis.information.bounds import Bound, Sample, bound, plug_in
from masr.analysis.information.held_out import aside
from masr.analysis.information.pairs import HeldOut, Limits, Pairs, PairSource, Split, gather
from masr.analysis.information.symbols import Clusters, Method, fit_clusters
from masr.analysis.probe.density import Kind
from masr.types import FloatArray, IntArray

Estimator = Literal["plug-in", "infonce", "mine"]
_PIECE = 1 << 16
"""Frames that are clustered at once."""


@dataclass(frozen=True)
class GridSettings:
    """Which probes, clusters and estimates every task is run with."""

    probes: tuple[Kind, ...] = ("logistic", "mlp")
    clusters: tuple[int, ...] = (50,)
    method: Method = "kmeans"
    estimates: tuple[Estimator, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True, eq=False)
class GridTask:
    """One representation, and the labels or the view of the same speech that it is held against."""

    name: str
    source: PairSource
    num_classes: int | None
    """How many labels there are; None where the other side is a view."""
    mask_share: float | None = None
    """Share of frames that were hidden from the representation, where it is a masked pass."""


@dataclass(frozen=True)
class GridRow:
    """What one representation tells, of labels or of so many clusters."""

    name: str
    clusters: int | None
    bounds: tuple[Bound, ...]
    estimates: tuple[tuple[str, float], ...]
    held_out: HeldOut
    mask_share: float | None = None

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "representation": self.name,
            "mask_share": self.mask_share,
            "clusters": self.clusters,
            "bounds": [one.as_json() for one in self.bounds],
            "estimates": dict(self.estimates),
            "held_out": self.held_out.as_json(),
        }


def run_tasks(tasks: Iterable[GridTask], settings: GridSettings) -> list[GridRow]:
    """The rows of all tasks, in order. Tasks may come from a generator: only one is held at a time."""
    return [row for task in tasks for row in run_task(task, settings)]


def run_task(task: GridTask, settings: GridSettings) -> list[GridRow]:
    """One row where the other side is labels, else a row for each number of clusters."""
    split = gather(task.source, settings.limits)
    train, test = split.train, split.test
    if task.num_classes is not None:
        samples = Sample(train.first, train.labels(), train.units), Sample(test.first, test.labels(), test.units)
        return [_row(task, None, *samples, task.num_classes, split, settings)]
    rows = []
    for count in settings.clusters:
        clusters = _clusters(train.second, count, settings)
        made = [Sample(p.first, _symbols(clusters, p.second), p.units) for p in (train, test)]
        rows.append(_row(task, count, made[0], made[1], count, split, settings))
    return rows


def _clusters(frames: FloatArray, count: int, settings: GridSettings) -> Clusters:
    return fit_clusters(
        lambda: map(torch.from_numpy, np.array_split(frames, 1 + len(frames) // _PIECE)),
        count,
        settings.method,
        settings.limits.seed,
    )


def _symbols(clusters: Clusters, frames: FloatArray) -> IntArray:
    labels: IntArray = clusters.labels(torch.from_numpy(frames)).numpy()
    return labels


def _row(
    task: GridTask,
    clusters: int | None,
    train: Sample,
    test: Sample,
    num_classes: int,
    split: Split,
    settings: GridSettings,
) -> GridRow:
    seed = settings.limits.seed
    bounds = tuple(bound(train, test, num_classes, probe, seed) for probe in settings.probes)
    estimates = []
    for kind in settings.estimates:
        if kind == "plug-in":
            own = _clusters(train.frames, clusters or max(settings.clusters), settings)
            value = plug_in(_symbols(own, test.frames), test.labels)
        else:
            sides = [_sides(p, clusters is None, num_classes) for p in (split.train, split.test)]
            kept = ~aside(train.units, train.labels, seed + 1)
            value = critics.estimate(kind, _part(sides[0], kept), _part(sides[0], ~kept), sides[1], seed)
        estimates.append((kind, value))
    return GridRow(task.name, clusters, bounds, tuple(estimates), split.held_out, task.mask_share)


def _sides(pairs: Pairs, has_labels: bool, num_classes: int) -> critics.Sides:
    """Both sides of pairs as vectors: a label is one with a single 1."""
    second = np.eye(num_classes, dtype=np.float32)[pairs.labels()] if has_labels else pairs.second
    return critics.Sides(pairs.first, second)


def _part(sides: critics.Sides, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> critics.Sides:
    return critics.Sides(sides.first[chosen], sides.second[chosen])


def best(rows: Sequence[GridRow]) -> GridRow:
    """The representation with the highest bound: the checkpoint that one would take without labels."""
    return max(rows, key=lambda row: max((one.bound.value for one in row.bounds), default=-math.inf))
