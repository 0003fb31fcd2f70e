"""What is drawn within the axes: lines, bars, points and their names, land; in the colours and markers of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from masr.io.figure import Bars, Scatter
from masr.io.figure_checks import Array
from masr.report.colours import Style, light_colours
from masr.report.labels import Box, place_labels
from masr.report.lines import value_text
from masr.report.markup import shorten
from masr.report.plate import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

_INK, _SOFT, _LAND = "#1b1f23", "#57606a", "#e3e7e4"
_MARKERS = {"circle": "o", "square": "s", "up": "^", "diamond": "D", "plus": "+", "down": "v", "cross": "x"}
_FEW_POINTS = 24
_NAME_SIZE = 7.0
_MOST_NAMED = 400
_DASH_UNIT = 1.8
"""Width of a line of the page, in which its dashes are as long as they are."""


def colour_of(style: Style) -> str:
    """The colour of a series, #rrggbb."""
    colours = light_colours()
    return colours[style.number % len(colours)]


def draw_line(axes: Axes, line: Line, named: bool) -> None:
    """One curve with the band of its interval; breaks where a value is missing."""
    curve, colour = line.curve, colour_of(line.style)
    dashes = [float(part) / _DASH_UNIT for part in line.style.dash.split()]
    few = line.marks and len(curve.x) <= _FEW_POINTS
    axes.plot(
        curve.x,
        curve.y,
        color=colour,
        linestyle=(0, dashes) if dashes else "-",
        marker=_MARKERS[line.style.marker] if few else "",
        label=shorten(curve.name, 40) if named else "_",
    )
    if curve.low is not None and curve.high is not None:
        axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)


def draw_bars(axes: Axes, figure: Bars) -> None:
    """Horizontal bars, the first on top, with intervals, values, and the line of the reference."""
    count = len(figure.series)
    thick = 0.78 / count
    for k, series in enumerate(figure.series):
        y = np.arange(len(figure.names)) + (k - (count - 1) / 2) * thick
        axes.barh(
            y, np.nan_to_num(series.values), thick * 0.9, color=colour_of(Style(k)), alpha=0.75, label=series.name
        )
        ends = series.values
        if series.low is not None and series.high is not None:
            reach = np.stack([series.values - series.low, series.high - series.values])
            axes.errorbar(series.values, y, xerr=reach, fmt="none", ecolor=_INK, elinewidth=0.7, capsize=1.5)
            ends = np.fmax(series.values, series.high)
        for place, value, end in zip(y, series.values, ends, strict=True):
            text = value_text(float(value), figure.axis) if np.isfinite(value) else "no figure"
            at = (float(end) if np.isfinite(end) else 0.0, float(place))
            axes.annotate(text, at, (3, 0), textcoords="offset points", va="center", size=_NAME_SIZE, color=_SOFT)
    if figure.reference is not None:
        text = f"{figure.reference_name} {value_text(figure.reference, figure.axis)}".strip()
        axes.axvline(figure.reference, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
        top = axes.get_xaxis_transform()
        at = (figure.reference, 1.0)
        axes.annotate(text, at, (0, 2), xycoords=top, textcoords="offset points", size=_NAME_SIZE, color=_SOFT)
    axes.set_yticks(range(len(figure.names)), [shorten(name, 40) for name in figure.names])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(figure.names) - 0.5, -0.5)
    axes.margins(x=0.2)


def draw_points(axes: Axes, figure: Scatter, groups: Sequence[str], styles: Mapping[str, Style]) -> None:
    """The points, group by group, with their error bars."""
    labels = np.array(groups, dtype=np.str_)
    for group in sorted(set(groups)):
        of_group = labels == group
        style = styles.get(group, Style(0))
        colour = colour_of(style)
        axes.errorbar(
            figure.px[of_group],
            figure.py[of_group],
            xerr=_reach(figure.px, figure.x_low, figure.x_high, of_group),
            yerr=_reach(figure.py, figure.y_low, figure.y_high, of_group),
            fmt=_MARKERS[style.marker],
            color=colour,
            markeredgewidth=1.2 if style.marker in ("plus", "cross") else 0.3,
            markeredgecolor=colour if style.marker in ("plus", "cross") else "white",
            markersize=4,
            elinewidth=0.7,
            label=group or "_",
        )


def _reach(values: Array, low: Array | None, high: Array | None, kept: Any) -> Array | None:
    """How far error bars reach down and up, (2, points)."""
    if low is None or high is None:
        return None
    return np.stack([values - low, high - values])[:, kept]


def name_points(picture: Picture, axes: Axes, x: Array, y: Array, names: Sequence[str]) -> None:
    """Names beside the points that have room for one, placed as on the page once the layout is known."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not names or len(known) > _MOST_NAMED:
        return
    picture.draw_without_rendering()
    to_points = 72 / picture.dpi
    box = axes.get_window_extent()
    at = axes.transData.transform(np.stack([x[known], y[known]], axis=1)) * to_points
    top = box.y1 * to_points
    # The page counts downwards from the top.
    points = [(float(a), top - float(b)) for a, b in at]
    area = Box(box.x0 * to_points, 0.0, box.x1 * to_points, top - box.y0 * to_points)
    shown = [shorten(names[n], 24) for n in known.tolist()]
    for spot in place_labels(points, shown, area, font=_NAME_SIZE, radius=2.5):
        left, down = spot.x - points[spot.point][0], spot.y - points[spot.point][1]
        n = int(known[spot.point])
        axes.annotate(
            shown[spot.point], (x[n], y[n]), (left, -down), textcoords="offset points", size=_NAME_SIZE, color=_INK
        )


def draw_land(axes: Axes, outlines: Sequence[Sequence[tuple[float, float]]]) -> None:
    """The land of a map."""
    from matplotlib.collections import PolyCollection

    axes.add_collection(PolyCollection([np.array(outline) for outline in outlines], facecolors=_LAND), autolim=False)
