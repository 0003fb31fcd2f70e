"""Figures as data: a verb writes NAME.figure.json, and `masr report` draws it.

What is drawn can so be read, compared and drawn anew by anyone. A number that is not known is NaN here and null in the
file. Any sequence of numbers is taken where an array stands.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from masr.errors import FigureError
from masr.io.figure_checks import (
    MAX_SIDE,
    MAX_VALUES,
    Array,
    array,
    check_interval,
    check_shape,
    fill,
    fill_optional,
    limit,
    same_length,
)

Cell = str | float | None


@dataclass(frozen=True)
class Axis:
    """What runs along a side of the drawing."""

    name: str = ""
    unit: str = ""
    log: bool = False
    ticks: tuple[str, ...] = ()
    """Names of the places 0, 1, 2, ... where these are no numbers: the layers of a model."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One line, with its interval where there is one."""

    name: str
    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None

    def __post_init__(self) -> None:
        fill(self, x=array(self.x, 1, "x"), y=array(self.y, 1, "y"))
        fill_optional(self, "low", "high")
        same_length(self.name or "a curve", x=self.x, y=self.y, low=self.low, high=self.high)
        check_interval("low", self.low, "high", self.high)


@dataclass(frozen=True, eq=False)
class Curves:
    """Lines over a common axis: training, layers of a probe, checkpoints."""

    title: str
    curves: tuple[Curve, ...]
    x: Axis = Axis()
    y: Axis = Axis()
    note: str = ""

    def __post_init__(self) -> None:
        limit("curves", len(self.curves), MAX_SIDE)
        limit("values", sum(len(curve.x) for curve in self.curves), MAX_VALUES)
        for axis, side in ((self.x, "x"), (self.y, "y")):
            for curve in self.curves:
                values = curve.x if side == "x" else curve.y
                if axis.log and bool((values <= 0).any()):
                    raise FigureError(f"{curve.name}: {side} has values that are not above 0, and a logarithmic axis")


@dataclass(frozen=True)
class Merge:
    """One step of a hierarchical clustering: two clusters become one. Leaves are 0 to n - 1, merge k makes n + k."""

    left: int
    right: int
    height: float


@dataclass(frozen=True, eq=False)
class Heatmap:
    """A matrix of numbers. With a tree, its side is drawn in the tree's order with the tree beside it."""

    title: str
    values: Array
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    x: Axis = Axis()
    """The axis of the columns."""
    y: Axis = Axis()
    """The axis of the rows."""
    unit: str = ""
    scale: Literal["sequential", "diverging"] = "sequential"
    low: float | None = None
    """The value at which the colours begin; the smallest of all where it is left out."""
    high: float | None = None
    centre: float = 0.0
    """The middle of a diverging scale."""
    row_tree: tuple[Merge, ...] = ()
    column_tree: tuple[Merge, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        fill(self, values=array(self.values, 2, "values"))
        check_shape(self.values, self.rows, self.columns)
        for name, tree, labels in (
            ("row_tree", self.row_tree, self.rows),
            ("column_tree", self.column_tree, self.columns),
        ):
            if tree:
                _check_tree(name, tree, len(labels))
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise FigureError(f"low is {self.low} and high is {self.high}", fix="low has to be below high")


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each true label (row) was answered by each label (column)."""

    title: str
    counts: Array
    truth: tuple[str, ...]
    answers: tuple[str, ...]
    note: str = ""

    def __post_init__(self) -> None:
        fill(self, counts=array(self.counts, 2, "counts"))
        check_shape(self.counts, self.truth, self.answers)
        if not bool((self.counts >= 0).all()):
            raise FigureError("counts has values that are negative or missing", fix="give how often, 0 for never")


@dataclass(frozen=True, eq=False)
class Series:
    """One set of bars: a value for each name of the figure."""

    name: str
    values: Array
    low: Array | None = None
    high: Array | None = None

    def __post_init__(self) -> None:
        fill(self, values=array(self.values, 1, "values"))
        fill_optional(self, "low", "high")
        same_length(self.name or "a series", values=self.values, low=self.low, high=self.high)
        check_interval("low", self.low, "high", self.high)


@dataclass(frozen=True, eq=False)
class Bars:
    """A value for each name, in one or several series, with intervals where there are."""

    title: str
    names: tuple[str, ...]
    series: tuple[Series, ...]
    axis: Axis = Axis()
    """The axis of the values."""
    reference: float | None = None
    """A value to hold the bars against: chance, a paper's figure."""
    reference_name: str = ""
    note: str = ""
    data: str = ""
    """A sentence on the data that the values come from."""
    findings: tuple[str, ...] = ()
    """Sentences that the values support: what a page that opens with the figure says on top."""

    def __post_init__(self) -> None:
        limit("names", len(self.names), MAX_SIDE)
        limit("series", len(self.series), MAX_SIDE)
        limit("values", len(self.names) * len(self.series), MAX_VALUES)
        for series in self.series:
            if len(series.values) != len(self.names):
                raise FigureError(f"{series.name}: {len(series.values)} values for {len(self.names)} names")
        if self.axis.log:
            raise FigureError("bars begin at 0, which a logarithmic axis does not have", fix="draw it as a scatter")


@dataclass(frozen=True, eq=False)
class Scatter:
    """Points, with names, groups and error bars where there are."""

    title: str
    px: Array
    py: Array
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    x: Axis = Axis()
    y: Axis = Axis()
    x_low: Array | None = None
    x_high: Array | None = None
    y_low: Array | None = None
    y_high: Array | None = None
    equal: bool = False
    """Whether a step is as long on both axes, as distances on a map need."""
    note: str = ""

    def __post_init__(self) -> None:
        fill(self, px=array(self.px, 1, "px"), py=array(self.py, 1, "py"))
        fill_optional(self, "x_low", "x_high", "y_low", "y_high")
        bounds = {name: getattr(self, name) for name in ("x_low", "x_high", "y_low", "y_high")}
        same_length("the points", px=self.px, py=self.py, **bounds)
        for name in ("names", "groups"):
            values = getattr(self, name)
            if values and len(values) != len(self.px):
                raise FigureError(f"{len(values)} {name} for {len(self.px)} points")
        check_interval("x_low", self.x_low, "x_high", self.x_high)
        check_interval("y_low", self.y_low, "y_high", self.y_high)
        limit("points", len(self.px), 20_000)
        for axis, values, side in ((self.x, self.px, "px"), (self.y, self.py, "py")):
            if axis.log and bool((values <= 0).any()):
                raise FigureError(f"{side} has values that are not above 0, and a logarithmic axis")


@dataclass(frozen=True, eq=False)
class Places:
    """Names on the globe."""

    title: str
    lat: Array
    lon: Array
    names: tuple[str, ...]
    groups: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        fill(self, lat=array(self.lat, 1, "lat"), lon=array(self.lon, 1, "lon"))
        same_length("the places", lat=self.lat, lon=self.lon)
        for name in ("names", "groups"):
            values = getattr(self, name)
            if len(values) != len(self.lat) and (values or name == "names"):
                raise FigureError(f"{len(values)} {name} for {len(self.lat)} places")
        limit("places", len(self.lat), MAX_SIDE)
        for name, most in (("lat", 90), ("lon", 180)):
            if not bool((np.abs(getattr(self, name)) <= most).all()):
                raise FigureError(f"{name} has values that are not from -{most} to {most}", fix="give degrees")


@dataclass(frozen=True)
class Table:
    """Rows of texts and numbers; None where something is missing."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        limit("columns", len(self.columns), MAX_SIDE)
        limit("rows", len(self.rows), 10 * MAX_SIDE)
        limit("cells", len(self.rows) * len(self.columns), MAX_VALUES)
        for n, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise FigureError(f"row {n} has {len(row)} cells and there are {len(self.columns)} columns")


Figure = Curves | Heatmap | Confusion | Bars | Scatter | Places | Table

KINDS: dict[str, type[Figure]] = {
    "curves": Curves,
    "heatmap": Heatmap,
    "confusion": Confusion,
    "bars": Bars,
    "scatter": Scatter,
    "map": Places,
    "table": Table,
}
"""The word that a file has under `kind`."""


def _check_tree(name: str, tree: tuple[Merge, ...], num_leaves: int) -> None:
    """n leaves need n - 1 merges, each of two clusters that are there and not yet merged."""
    if len(tree) != num_leaves - 1:
        raise FigureError(f"{name}: {len(tree)} merges for {num_leaves} leaves", fix="n leaves need n - 1 merges")
    free = set(range(num_leaves))
    for n, merge in enumerate(tree):
        if merge.left == merge.right or not {merge.left, merge.right} <= free:
            raise FigureError(f"{name}: merge {n} joins {merge.left} and {merge.right}, which are not both free")
        if not np.isfinite(merge.height) or merge.height < 0:
            raise FigureError(f"{name}: merge {n} has the height {merge.height}")
        free -= {merge.left, merge.right}
        free.add(num_leaves + n)


def field_names(kind: type) -> list[str]:
    """Keys that a file of this kind may have, beside `kind`."""
    return [field.name for field in fields(kind)]
