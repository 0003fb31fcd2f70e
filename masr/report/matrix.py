"""Matrices of colours: similarities, ABX errors, confusions."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass

import numpy as np

from masr.io.figure import Axis, Heatmap
from masr.io.figure_checks import Array
from masr.report.colours import colour_map, hex_of, ink_on
from masr.report.lines import value_text
from masr.report.markup import Child, Markup, shorten, tag, width_of
from masr.report.numbers import short, tick_texts, ticks
from masr.report.plot import FONT, Frame, axis_text, drawing
from masr.report.png import data_address
from masr.report.tree import draw_tree, leaf_order

_DRAWN_CELLS = 400
"""A matrix of more cells is one picture, and the pointer says what is under it."""
_MISSING_LEVEL = 255
_LEVELS = 255
_TREE = 56.0
_PHONE_FONT = {True: 23.0, False: 15.0}
"""Size of names on a narrow screen, where all of a large matrix, or of a small one, shrinks to the screen's width: the
style sheet sets it. Every n-th name is shown there, so that they do not overlap."""
_MANY = 12
_LONG_NAME = 14
"""Names of more letters leave no room for a matrix on a narrow screen: it scrolls."""


@dataclass(frozen=True)
class _Grid:
    """The matrix in the order it is drawn in, and where it lies."""

    values: Array
    rows: list[str]
    columns: list[str]
    frame: Frame
    side: float
    """Side of a cell."""
    low: float
    high: float
    map_name: str
    unit: str
    is_whole: bool
    """Whether all of it is shown on a narrow screen; else it scrolls."""
    phone_font: float
    scale_room: float
    """Width of the scale of colours with its numbers."""

    def level(self, value: float) -> int:
        """A value's place on the colour map."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return int(np.clip(round(share * (_LEVELS - 1)), 0, _LEVELS - 1))

    def text(self, value: float) -> str:
        """A value as the pointer and the cells show it."""
        return value_text(value, Axis(unit=self.unit))


def draw_heatmap(figure: Heatmap) -> Markup:
    """Cells, names, trees and the scale of colours."""
    if not figure.values.size:
        return tag("p", "no values", class_="faint")
    row_order = leaf_order(figure.row_tree, len(figure.rows))
    column_order = leaf_order(figure.column_tree, len(figure.columns))
    grid = _grid(figure, row_order, column_order)
    frame, side = grid.frame, grid.side
    row_places, column_places = [0.0] * len(row_order), [0.0] * len(column_order)
    for k, n in enumerate(row_order):
        row_places[n] = frame.top + (k + 0.5) * side
    for k, n in enumerate(column_order):
        column_places[n] = frame.left + (k + 0.5) * side
    many = grid.values.size > _DRAWN_CELLS
    parts: list[Child] = [
        tag(
            "rect",
            x=frame.left,
            y=frame.top,
            width=frame.x_end - frame.left,
            height=frame.y_end - frame.top,
            class_="void",
        ),
        _picture(grid) if many else _cells(grid),
        draw_tree(figure.row_tree, row_places, frame.x_end + 4, frame.x_end + _TREE - 6, upright=False),
        draw_tree(figure.column_tree, column_places, frame.top - 4, frame.top - _TREE + 6, upright=True),
        _names(grid),
        _axis_names(grid, figure),
        _scale_bar(grid),
    ]
    return drawing(
        frame,
        describe(figure),
        *parts,
        wide=not grid.is_whole,
        whole=("large" if grid.phone_font == _PHONE_FONT[True] else "small") if grid.is_whole else "",
        data_plot="matrix" if many else "items",
        data_rows="\t".join(grid.rows) if many else None,
        data_columns="\t".join(grid.columns) if many else None,
    )


def describe(figure: Heatmap) -> str:
    """The drawing in words."""
    known = figure.values[np.isfinite(figure.values)]
    unit = Axis(unit=figure.unit)
    span = (
        f", from {value_text(float(known.min()), unit)} to {value_text(float(known.max()), unit)}" if len(known) else ""
    )
    return f"{figure.title}, matrix of {len(figure.rows)} rows and {len(figure.columns)} columns{span}"


def bounds(figure: Heatmap) -> tuple[float, float]:
    """The values at which the colours begin and end."""
    known = figure.values[np.isfinite(figure.values)]
    low = figure.low if figure.low is not None else float(known.min()) if len(known) else 0.0
    high = figure.high if figure.high is not None else float(known.max()) if len(known) else 1.0
    if figure.scale == "diverging":
        reach = max(abs(low - figure.centre), abs(high - figure.centre)) or 1.0
        return figure.centre - reach, figure.centre + reach
    return low, high


def _grid(figure: Heatmap, row_order: list[int], column_order: list[int]) -> _Grid:
    rows = [shorten(figure.rows[n], 28) for n in row_order]
    columns = [shorten(figure.columns[n], 28) for n in column_order]
    most = max(len(rows), len(columns))
    widest = max((width_of(cell_text(float(v), figure.unit), 10) for v in figure.values.ravel()[:400]), default=10)
    side = min(46.0, max(22.0, widest + 6)) if most <= 16 else max(700 / most, min(20.0, 700 / most))
    is_whole = max(map(len, (*rows, *columns)), default=0) <= _LONG_NAME
    phone_font = _PHONE_FONT[most > _MANY] if is_whole else FONT
    left = 10 + max((width_of(name, phone_font) for name in rows), default=0)
    left += 24 if axis_text(figure.y) else 0
    foot = max((width_of(name, phone_font) for name in columns), default=0) + 8
    foot = foot if _is_slanted(columns, side) else 20.0
    foot += 24 if axis_text(figure.x) else 0
    top = _TREE if figure.column_tree else 8.0
    low, high = bounds(figure)
    scale_room = 24 + max(width_of(text, phone_font) for _, text in _scale_texts(low, high, figure.unit))
    right = (_TREE if figure.row_tree else 10.0) + 8 + scale_room
    height = max(top + side * len(rows) + foot, 130.0)
    frame = Frame(left + side * len(columns) + right, height, left, top, right, height - top - side * len(rows))
    values = figure.values[np.ix_(row_order, column_order)]
    return _Grid(
        values, rows, columns, frame, side, low, high, figure.scale, figure.unit, is_whole, phone_font, scale_room
    )


def _is_slanted(columns: list[str], side: float) -> bool:
    """Whether names of columns have to be turned to fit."""
    return max((width_of(name, FONT) for name in columns), default=0.0) > side - 2


def cell_text(value: float, unit: str) -> str:
    """A value in its cell: no room for more than three digits."""
    if not np.isfinite(value):
        return ""
    if unit == "share":
        return f"{100 * value:.0f}"
    return short(value, 3) if abs(value) < 1000 else short(round(value))


def _cells(grid: _Grid) -> list[Markup]:
    """A rectangle for each cell, with its figure where there is room."""
    palette = colour_map(grid.map_name, _LEVELS)
    cells = []
    for i, row in enumerate(grid.rows):
        for j, column in enumerate(grid.columns):
            value = float(grid.values[i, j])
            if not np.isfinite(value):
                continue
            colour = palette[grid.level(value)]
            x, y = grid.frame.left + j * grid.side, grid.frame.top + i * grid.side
            box = tag("rect", x=x, y=y, width=grid.side, height=grid.side, fill=hex_of(colour))
            text = cell_text(value, grid.unit)
            shown = grid.side >= 20 and width_of(text, 10) <= grid.side - 2
            middle = {"x": x + grid.side / 2, "y": y + grid.side / 2 + 3.6}
            ink = tag("text", text, class_=f"cell mid {ink_on(colour)}", **middle) if shown else None
            cells.append(tag("g", tag("title", f"{row}, {column}: {grid.text(value)}"), box, ink, class_="item"))
    return cells


def _picture(grid: _Grid) -> Markup:
    """All cells as one picture; their values travel with it for the pointer."""
    levels = np.full(grid.values.shape, _MISSING_LEVEL, dtype=np.uint8)
    known = np.isfinite(grid.values)
    span = grid.high - grid.low if grid.high > grid.low else 1.0
    shares = np.clip((grid.values[known] - grid.low) / span, 0, 1)
    levels[known] = np.round(shares * (_LEVELS - 1)).astype(np.uint8)
    palette = np.concatenate([colour_map(grid.map_name, _LEVELS), np.zeros((1, 3), dtype=np.uint8)])
    return tag(
        "image",
        href=data_address(levels, palette),
        x=grid.frame.left,
        y=grid.frame.top,
        width=grid.frame.x_end - grid.frame.left,
        height=grid.frame.y_end - grid.frame.top,
        preserveAspectRatio="none",
        data_values=base64.b64encode(grid.values.astype("<f4").tobytes()).decode("ascii"),
        data_share=grid.unit == "share",
    )


def _names(grid: _Grid) -> list[Markup]:
    """Names of the rows and columns, where they are legible; every n-th where there is too little room.

    Those that a narrow screen leaves out are `fine`.
    """
    stride = max(1, math.ceil(11 / grid.side))
    on_phone = stride * max(1, math.ceil(grid.phone_font / grid.side / stride))
    size = min(FONT, max(9.0, grid.side - 1))
    texts = []
    for i in range(0, len(grid.rows), stride):
        y = grid.frame.top + (i + 0.5) * grid.side + 3.6
        texts.append(
            tag("text", grid.rows[i], x=grid.frame.left - 5, y=y, class_=_fine("tick end", i, on_phone), font_size=size)
        )
    slanted = _is_slanted(grid.columns, grid.side)
    for j in range(0, len(grid.columns), stride):
        x = grid.frame.left + (j + 0.5) * grid.side
        if slanted:
            turn = f"rotate(-90 {x + 3.6:.2f} {grid.frame.y_end + 6:.2f})"
            texts.append(
                tag(
                    "text",
                    grid.columns[j],
                    x=x + 3.6,
                    y=grid.frame.y_end + 6,
                    transform=turn,
                    class_=_fine("tick end", j, on_phone),
                    font_size=size,
                )
            )
        else:
            texts.append(tag("text", grid.columns[j], x=x, y=grid.frame.y_end + 15, class_="tick mid", font_size=size))
    return texts


def _fine(class_: str, place: int, stride: int) -> str:
    return f"{class_} fine" if place % stride else class_


def _scale_texts(low: float, high: float, unit: str) -> list[tuple[float, str]]:
    """(value, text) along the scale of colours."""
    values = [value for value in ticks(low, high, 7) if low <= value <= high] if high > low else [low]
    texts = tick_texts([100 * value for value in values] if unit == "share" else values)
    return [(value, f"{text} %" if unit == "share" else text) for value, text in zip(values, texts, strict=True)]


def _axis_names(grid: _Grid, figure: Heatmap) -> list[Markup]:
    frame, texts = grid.frame, []
    if axis_text(figure.x):
        texts.append(
            tag("text", axis_text(figure.x), x=(frame.left + frame.x_end) / 2, y=frame.height - 5, class_="label mid")
        )
    if axis_text(figure.y):
        y = (frame.top + frame.y_end) / 2
        texts.append(
            tag("text", axis_text(figure.y), x=16, y=y, transform=f"rotate(-90 16 {y:.2f})", class_="label mid")
        )
    return texts


def _scale_bar(grid: _Grid) -> Markup:
    """A bar that says which colour is which value."""
    x, top, height = grid.frame.width - grid.scale_room, 14.0, min(220.0, grid.frame.height - 28)
    palette = colour_map(grid.map_name, 32)[::-1]
    step = height / len(palette)
    strips: list[Child] = [
        tag("rect", x=x, y=top + n * step, width=12, height=step + 0.4, fill=hex_of(colour))
        for n, colour in enumerate(palette)
    ]
    for value, text in _scale_texts(grid.low, grid.high, grid.unit):
        y = top + height * ((grid.high - value) / (grid.high - grid.low) if grid.high > grid.low else 0.5)
        strips.append(tag("text", text, x=x + 16, y=y + 3.8, class_="tick"))
    return tag("g", *strips)
