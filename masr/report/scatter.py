"""Points with names, groups and error bars."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from masr.io.figure import Scatter
from masr.io.figure_checks import Array
from masr.report.colours import Style, mark
from masr.report.labels import Box, place_labels
from masr.report.lines import value_text
from masr.report.markup import Child, Markup, coordinate, shorten, tag
from masr.report.numbers import Scale, scale, ticks
from masr.report.plot import Frame, drawing, left_margin, legend, x_axis, y_axis

_MANY_POINTS = 400
"""More points than this carry no names."""


def group_styles(groups: tuple[str, ...]) -> dict[str, Style]:
    """A look for each group, in the order of their names."""
    return {group: Style(n) for n, group in enumerate(sorted(set(groups)))}


def draw_scatter(
    figure: Scatter, styles: Mapping[str, Style] | None = None, *, width: float = 560, height: float = 420
) -> Markup:
    """The points, the names that fit, and the axes."""
    looks = styles or group_styles(figure.groups)
    top = 26.0 if figure.y.name else 12.0
    bottom = 40.0 if figure.x.name else 26.0
    y = scale(_spanned(figure.py, figure.y_low, figure.y_high), height - bottom, top, figure.y.log)
    frame = Frame(width, height, left_margin(y, figure.y), top, 18, bottom)
    x = scale(_spanned(figure.px, figure.x_low, figure.x_high), frame.left, frame.x_end, figure.x.log)
    if figure.equal and not (figure.x.log or figure.y.log):
        x, y = _equal(x, y, (figure.px.tolist(), figure.py.tolist()))
    known = [n for n in range(len(figure.px)) if math.isfinite(figure.px[n] + figure.py[n])]
    points = [(x.at(float(figure.px[n])), y.at(float(figure.py[n]))) for n in known]
    parts: list[Child] = [y_axis(frame, y, figure.y), x_axis(frame, x, figure.x, grid=True)]
    for n, (a, b) in zip(known, points, strict=True):
        style = looks[figure.groups[n]] if figure.groups else Style(0)
        parts.append(_point(figure, n, a, b, style, x, y))
    if figure.names and len(known) <= _MANY_POINTS:
        names = [shorten(figure.names[n], 24) for n in known]
        spots = place_labels(points, names, Box(frame.left, 2, frame.width - 2, frame.y_end))
        parts += [tag("text", names[spot.point], x=spot.x, y=spot.y, class_="name") for spot in spots]
    return drawing(frame, describe(figure), *parts, wide=True, data_plot="items")


def scatter_legend(figure: Scatter) -> Markup | None:
    """Names of the groups beside samples of their look; None where there is one."""
    looks = group_styles(figure.groups)
    return legend([(group, looks[group]) for group in sorted(set(figure.groups))], lines=False)


def describe(figure: Scatter) -> str:
    """The drawing in words."""
    groups = f" in {len(set(figure.groups))} groups" if figure.groups else ""
    axes = f", {figure.x.name or 'x'} against {figure.y.name or 'y'}"
    return f"{figure.title}, scatter plot of {len(figure.px)} points{groups}{axes}"


def _spanned(values: Array, low: Array | None, high: Array | None) -> list[float]:
    parts = [values, *(part for part in (low, high) if part is not None)]
    places: list[float] = np.concatenate(parts).tolist()
    return places


def _equal(x: Scale, y: Scale, points: tuple[list[float], list[float]]) -> tuple[Scale, Scale]:
    """Scales on which a step is as long across as up, as large as the points and the drawing allow."""
    known = [[v for v in values if math.isfinite(v)] or [0.0, 1.0] for values in points]
    spans = [1.1 * (max(values) - min(values)) or 1.0 for values in known]
    unit = min((x.end - x.start) / spans[0], (y.start - y.end) / spans[1])
    scales = []
    for values, old, sign in ((known[0], x, 1), (known[1], y, -1)):
        centre, middle = (max(values) + min(values)) / 2, (old.start + old.end) / 2
        reach = abs(old.end - old.start) / 2 / unit
        inside = [t for t in ticks(centre - reach, centre + reach, 9) if abs(t - centre) <= reach]
        start, end = (middle + sign * (t - centre) * unit for t in (inside[0], inside[-1]))
        scales.append(Scale(tuple(inside), start, end))
    return scales[0], scales[1]


def _point(figure: Scatter, n: int, a: float, b: float, style: Style, x: Scale, y: Scale) -> Markup:
    said = [figure.names[n]] if figure.names else []
    said += [figure.groups[n]] if figure.groups else []
    for axis, values, side in ((figure.x, figure.px, "x"), (figure.y, figure.py, "y")):
        said.append(f"{axis.name or side} {value_text(float(values[n]), axis)}")
    c = coordinate
    bars = ""
    if figure.x_low is not None and figure.x_high is not None and math.isfinite(figure.x_low[n] + figure.x_high[n]):
        bars += f"M{c(x.at(float(figure.x_low[n])))},{c(b)}H{c(x.at(float(figure.x_high[n])))}"
    if figure.y_low is not None and figure.y_high is not None and math.isfinite(figure.y_low[n] + figure.y_high[n]):
        bars += f"M{c(a)},{c(y.at(float(figure.y_low[n])))}V{c(y.at(float(figure.y_high[n])))}"
    error = tag("path", d=Markup(bars), class_=f"error {style.colour}") if bars else None
    return tag("g", tag("title", ", ".join(said)), error, mark(style, a, b, size=4), class_="item", data_key=said[0])
