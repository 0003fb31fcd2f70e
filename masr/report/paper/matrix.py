"""A matrix of colours with its names, its trees and its scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from masr.io.figure import Axis, Heatmap
from masr.io.figure_checks import Array
from masr.report.colours import colour_map, ink_on
from masr.report.markup import shorten, width_of
from masr.report.matrix import bounds, cell_text
from masr.report.plot import SHARE, axis_text
from masr.report.tree import branches, leaf_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

_FONT = 7.0
_LINE = 1.2 * _FONT / 72
"""Height of a line of text in inches: no row is lower where each has its name."""
_MOST_NAMED_IN_A_COLUMN = 16
_CELL_TEXT = 7.0
_MOST_HEIGHT = 9.0
_TREE = 0.45
_SCALE = 0.75
"""Inches for the trees and for the scale of colours."""


@dataclass(frozen=True)
class Size:
    """How large a picture and one cell in it are, in inches."""

    width: float
    height: float
    side: float


def matrix_size(figure: Heatmap, column: float, both: float) -> Size:
    """How large the picture is: one column where all names fit in it, else both."""
    rows, columns = max(1, len(figure.rows)), max(1, len(figure.columns))
    width = column if max(rows, columns) <= _MOST_NAMED_IN_A_COLUMN else both
    beside = (
        _names_width(figure.rows) + _SCALE + (_TREE if figure.row_tree else 0) + (0.2 if axis_text(figure.y) else 0)
    )
    below = _names_width(figure.columns) + (_TREE if figure.column_tree else 0) + (0.2 if axis_text(figure.x) else 0)
    side = min(max(0.5, width - beside) / columns, 0.4)
    side = min(side, max(0.01, (_MOST_HEIGHT - below - 0.15) / rows))
    return Size(width, max(1.4, side * rows + below + 0.15), side)


def _names_width(names: tuple[str, ...]) -> float:
    return max((width_of(shorten(name, 28), _FONT) for name in names), default=0.0) / 72 + 0.1


def draw_matrix(picture: Picture, axes: Axes, figure: Heatmap, side: float) -> None:
    """The cells, of so many inches each, in the order of their trees; no cells, no drawing."""
    from matplotlib.colors import ListedColormap
    from matplotlib.ticker import PercentFormatter

    if not figure.values.size:
        axes.axis("off")
        axes.text(0.5, 0.5, "no values", ha="center")
        return
    rows, columns = leaf_order(figure.row_tree, len(figure.rows)), leaf_order(figure.column_tree, len(figure.columns))
    values = figure.values[np.ix_(rows, columns)]
    low, high = bounds(figure)
    palette = colour_map(figure.scale, 255)
    colours = ListedColormap(palette / 255.0).with_extremes(bad="#c9ced3")
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high if high > low else low + 1, interpolation="nearest")
    axes.grid(False)
    axes.tick_params(length=0, pad=2)
    step = math.ceil(_LINE / side)
    names = [shorten(figure.columns[n], 28) for n in columns]
    slanted = max(map(len, names)) > 2
    axes.set_xticks(range(0, len(columns), step), names[::step], rotation=90 if slanted else 0)
    axes.set_yticks(range(0, len(rows), step), [shorten(figure.rows[n], 28) for n in rows][::step])
    for axis, set_label in ((figure.x, axes.set_xlabel), (figure.y, axes.set_ylabel)):
        if axis_text(axis):
            set_label(axis_text(axis))
    if len(rows) <= _MOST_NAMED_IN_A_COLUMN and len(columns) <= 10:
        _cell_texts(axes, figure, values, low, high)
    _trees(axes, figure, rows, columns)
    percent = PercentFormatter(1.0, symbol=" %") if figure.unit == SHARE else None
    bar = picture.colorbar(image, ax=axes, shrink=0.6, aspect=16, anchor=(0, 1), format=percent)
    bar.outline.set_visible(False)
    if figure.unit != SHARE and axis_text(Axis(unit=figure.unit)):
        bar.set_label(figure.unit)


def _cell_texts(axes: Axes, figure: Heatmap, values: Array, low: float, high: float) -> None:
    palette = colour_map(figure.scale, 255)
    span = high - low if high > low else 1.0
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            level = int(np.clip(round((float(value) - low) / span * 254), 0, 254))
            text, ink = cell_text(float(value), figure.unit), ink_on(palette[level])
            axes.text(j, i, text, ha="center", va="center", size=_CELL_TEXT, color=ink)


def _trees(axes: Axes, figure: Heatmap, rows: list[int], columns: list[int]) -> None:
    """The clusterings above and right of the matrix."""
    if figure.column_tree:
        above = axes.inset_axes((0, 1.01, 1, 0.16))
        for line in branches(figure.column_tree, _places(columns)):
            above.plot([at for at, _ in line], [height for _, height in line], color="#57606a", linewidth=0.6)
        above.set_xlim(-0.5, len(columns) - 0.5)
        above.axis("off")
    if figure.row_tree:
        right = axes.inset_axes((1.01, 0, 0.16, 1))
        for line in branches(figure.row_tree, _places(rows)):
            right.plot([height for _, height in line], [at for at, _ in line], color="#57606a", linewidth=0.6)
        right.set_ylim(len(rows) - 0.5, -0.5)
        right.axis("off")


def _places(order: list[int]) -> list[float]:
    """Leaf -> where it stands in the order."""
    places = [0.0] * len(order)
    for k, n in enumerate(order):
        places[n] = float(k)
    return places
