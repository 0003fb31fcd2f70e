"""One plate as a figure of matplotlib: its size, its axes, its legend. What is drawn in them stands in marks.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from masr.io.figure import Axis, Bars, Confusion, Curves, Heatmap, Places, Scatter
from masr.report.draw import shares_of
from masr.report.lines import lines_of
from masr.report.paper import marks
from masr.report.paper.matrix import draw_matrix, matrix_size
from masr.report.plate import Plate
from masr.report.plot import SHARE, axis_text
from masr.report.scatter import group_styles
from masr.report.world import coasts, project, window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

COLUMN, BOTH_COLUMNS = 3.3, 7.0
"""Widths in inches."""
_MANY_NAMES = 25
_SHORT_NAME = 18
"""Names of lines up to so many letters stand two in a row."""


def draw(plate: Plate) -> Picture:
    """The picture of a plate; tables have none."""
    figure = plate.figure
    if isinstance(figure, Confusion):
        figure = shares_of(figure)
    if isinstance(figure, Heatmap):
        size = matrix_size(figure, COLUMN, BOTH_COLUMNS)
        picture, axes = _empty(size.width, size.height)
        draw_matrix(picture, axes, figure, size.side)
        return picture
    drawers: dict[type, Callable[[Plate, Any], Picture]] = {
        Curves: _curves,
        Bars: _bars,
        Scatter: _scatter,
        Places: _places,
    }
    return drawers[type(figure)](plate, figure)


def _empty(width: float, height: float) -> tuple[Picture, Axes]:
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(width, height), layout="constrained")
    return picture, picture.add_subplot()


def _curves(plate: Plate, figure: Curves) -> Picture:
    lines = lines_of(figure, plate.lines)
    columns = 2 if max((len(line.curve.name) for line in lines), default=0) <= _SHORT_NAME else 1
    picture, axes = _empty(COLUMN, 2.0 + (0.15 * -(-len(lines) // columns) if len(lines) > 1 else 0))
    for line in lines:
        marks.draw_line(axes, line, len(lines) > 1 or bool(line.label))
    _dress(axes, figure.x, replace(figure.y, name=figure.y.name or figure.title))
    axes.grid(False, axis="x")
    _legend(picture, axes, columns)
    return picture


def _bars(_: Plate, figure: Bars) -> Picture:
    many = len(figure.series) > 1
    height = 0.55 + len(figure.names) * (0.07 + 0.13 * len(figure.series)) + (0.15 * len(figure.series) if many else 0)
    picture, axes = _empty(COLUMN, max(1.0, height))
    marks.draw_bars(axes, figure)
    _dress(axes, figure.axis, Axis())
    axes.grid(False, axis="y")
    if many:
        _legend(picture, axes, 1)
    return picture


def _scatter(plate: Plate, figure: Scatter) -> Picture:
    wide = len(figure.names) > _MANY_NAMES
    width, height = (BOTH_COLUMNS, 4.6) if wide else (COLUMN, 2.8)
    picture, axes = _empty(width, height)
    groups = figure.groups or ("",) * len(figure.px)
    marks.draw_points(axes, figure, groups, plate.styles or group_styles(figure.groups))
    _dress(axes, figure.x, figure.y)
    if figure.equal and not (figure.x.log or figure.y.log):
        axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.06)
    _legend(picture, axes, 7 if wide else 3)
    marks.name_points(picture, axes, figure.px, figure.py, figure.names)
    return picture


def _places(plate: Plate, figure: Places) -> Picture:
    points = [project(lat, lon) for lat, lon in zip(figure.lat.tolist(), figure.lon.tolist(), strict=True)]
    left, top, right, bottom = window(points)
    picture, axes = _empty(BOTH_COLUMNS, BOTH_COLUMNS * (top - bottom) / (right - left) + 0.25)
    marks.draw_land(axes, coasts())
    x, y = [x for x, _ in points], [y for _, y in points]
    at = Scatter(figure.title, np.array(x), np.array(y), figure.names, figure.groups)
    groups = figure.groups or ("",) * len(points)
    marks.draw_points(axes, at, groups, plate.styles or group_styles(figure.groups))
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.axis("off")
    _legend(picture, axes, 7)
    marks.name_points(picture, axes, at.px, at.py, figure.names)
    return picture


def _dress(axes: Axes, x: Axis, y: Axis) -> None:
    """Names, units, scales and ticks of both axes."""
    from matplotlib.ticker import PercentFormatter

    for axis, side, set_scale, set_label in (
        (x, axes.xaxis, axes.set_xscale, axes.set_xlabel),
        (y, axes.yaxis, axes.set_yscale, axes.set_ylabel),
    ):
        if axis.log:
            set_scale("log")
        if axis_text(axis):
            set_label(axis_text(axis))
        if axis.ticks:
            side.set_ticks(range(len(axis.ticks)), axis.ticks)
        elif axis.unit == SHARE:
            side.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def _legend(picture: Picture, axes: Axes, columns: int) -> None:
    """Names under the axes; nothing where there is nothing to tell apart."""
    handles, names = axes.get_legend_handles_labels()
    if len(names) > 1:
        picture.legend(handles, names, loc="outside lower center", ncols=min(columns, len(names)), handlelength=2.2)
