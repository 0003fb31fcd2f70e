"""Charts, scatter plots and matrices side by side as one SVG file that stands for itself, without a style sheet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from masr.errors import FigureError, UsageError
from masr.io.figure import Curve, Curves, Figure, Heatmap, Scatter
from masr.io.figure_checks import Array
from masr.io.figure_file import read_figure
from masr.report.colours import mark
from masr.report.lines import draw_curves
from masr.report.markup import Markup, join, shorten, tag, width_of
from masr.report.matrix import draw_heatmap
from masr.report.scatter import draw_scatter, group_styles
from masr.report.standalone import heading, standing_alone

_WIDTH, _HEIGHT, _GAP, _TITLE, _LEGEND, _FONT = 420.0, 300.0, 24.0, 26.0, 20.0, 12.0


@dataclass(frozen=True, eq=False)
class Chart:
    """One panel of the picture."""

    title: str
    figure: Curves | Scatter | Heatmap


def read_charts(given: Sequence[Sequence[str]]) -> list[Chart]:
    """A chart of each title and the files behind it, NAME.figure.json."""
    charts = []
    for title, *files in given:
        if not files:
            raise UsageError(f"--panel {title} has no figure", fix="--panel TITLE FILE...")
        charts.append(Chart(title, pooled([read_figure(Path(file)) for file in files])))
    return charts


def pooled(figures: Sequence[Figure]) -> Curves | Scatter:
    """One figure of several of a kind, as of several seeds: the mean of curves, with the least and the largest of them
    as its band; all the points of scatter plots."""
    first = figures[0]
    if isinstance(first, Scatter):
        points = [one for one in figures if isinstance(one, Scatter)]
        if len(points) == len(figures):
            return _all_points(points)
    if isinstance(first, Curves):
        charts = [one for one in figures if isinstance(one, Curves)]
        if len(charts) == len(figures):
            return charts[0] if len(charts) == 1 else replace(charts[0], curves=_means(charts))
    kinds = " and ".join(sorted({type(one).__name__.lower() for one in figures}))
    raise FigureError(
        f"a panel of {kinds} cannot be drawn here",
        fix="give curves or scatter plots, of one kind in a panel; matrices: masr analyse heatmaps",
    )


def draw_charts(charts: Sequence[Chart], title: str = "") -> str:
    """The text of an SVG file."""
    top = (_TITLE if title else 0.0) + _TITLE
    has_legend = any(isinstance(one.figure, Scatter) and len(set(one.figure.groups)) > 1 for one in charts)
    parts = [heading(title)] if title else []
    left = lowest = 0.0
    for chart in charts:
        drawn, width, height = _drawn(chart.figure)
        parts.append(_chart(chart, drawn, left + _GAP / 2, top, (width, height)))
        left += max(width, width_of(chart.title, _FONT)) + _GAP
        lowest = max(lowest, top + height)
    label = "; ".join(filter(None, (title, *(chart.title for chart in charts))))
    return standing_alone(parts, left, lowest + (_LEGEND if has_legend else 0.0) + 8, label)


def _drawn(figure: Curves | Scatter | Heatmap) -> tuple[str, float, float]:
    """What stands within the drawing's svg element with its attributes, its width, and its height."""
    if isinstance(figure, Curves):
        drawn = str(draw_curves(figure, width=_WIDTH, height=_HEIGHT))
    elif isinstance(figure, Scatter):
        drawn = str(draw_scatter(figure, width=_WIDTH, height=_HEIGHT))
    else:
        drawn = str(draw_heatmap(figure))
    # A drawing says its size by its viewBox alone, because a page decides how large it is.
    width, height = re.findall(r'viewBox="0 0 (\d+) (\d+)"', drawn)[0]
    return drawn[drawn.index("<svg ") + 5 : drawn.rindex("</svg>")], float(width), float(height)


def _chart(chart: Chart, drawn: str, left: float, top: float, size: tuple[float, float]) -> Markup:
    """One panel: title, drawing and, where groups are to be told apart, a legend."""
    width, height = size
    place = f'<svg x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" '
    most = int(max(width, _WIDTH) / (0.55 * _FONT))
    name = tag("text", shorten(chart.title, most), x=left + 4, y=top - 10, style=f"font-size: {_FONT:.0f}px")
    return join(name, Markup(f"{place}{drawn}</svg>"), _legend(chart.figure, left, top + height + 14))


def _legend(figure: Curves | Scatter | Heatmap, left: float, y: float) -> Markup | None:
    if not isinstance(figure, Scatter) or len(set(figure.groups)) < 2:
        return None
    parts = []
    for group, style in group_styles(figure.groups).items():
        name = shorten(group, 30)
        parts += [mark(style, left + 10, y - 4, size=3.5), tag("text", name, x=left + 18, y=y)]
        left += 34 + width_of(name, 11)
    return join(*parts)


def _all_points(figures: Sequence[Scatter]) -> Scatter:
    """The points of all figures in one scatter plot; error bars stay where all have them."""

    def ends(name: str) -> Array | None:
        parts = [getattr(one, name) for one in figures]
        return None if any(part is None for part in parts) else np.concatenate(parts)

    named = all(one.names or not len(one.px) for one in figures)
    grouped = all(one.groups or not len(one.px) for one in figures)
    return replace(
        figures[0],
        px=np.concatenate([one.px for one in figures]),
        py=np.concatenate([one.py for one in figures]),
        names=tuple(name for one in figures for name in one.names) if named else (),
        groups=tuple(group for one in figures for group in one.groups) if grouped else (),
        x_low=ends("x_low"),
        x_high=ends("x_high"),
        y_low=ends("y_low"),
        y_high=ends("y_high"),
    )


def _means(figures: Sequence[Curves]) -> tuple[Curve, ...]:
    """A mean curve for each name, with the least and the largest value as its band; places have to be the same."""
    means = []
    for curve in figures[0].curves:
        same = [other for one in figures for other in one.curves if other.name == curve.name]
        if len(same) < len(figures) or any(not np.array_equal(other.x, curve.x) for other in same):
            raise FigureError(
                f"the curves {curve.name!r} of {len(figures)} figures are of other places",
                fix="give figures of the same steps or layers",
            )
        values = np.stack([other.y for other in same])
        means.append(Curve(curve.name, curve.x, values.mean(axis=0), values.min(axis=0), values.max(axis=0)))
    return tuple(means)
