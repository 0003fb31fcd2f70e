"""Horizontal bars with intervals: names can be read, however long."""

from __future__ import annotations

import math

from masr.io.figure import Bars, Series
from masr.report.colours import Style, mark
from masr.report.lines import value_text
from masr.report.markup import Child, Markup, shorten, tag, width_of
from masr.report.numbers import Scale, scale
from masr.report.plot import FONT, Frame, drawing, legend, x_axis

_BAR = 13.0
_GAP = 9.0
_MOST_LETTERS = 36


def draw_bars(figure: Bars, styles: list[Style] | None = None, *, width: float = 480) -> Markup:
    """All series of a name together, one under the other; the value at the end of each."""
    looks = styles or [Style(n) for n in range(len(figure.series))]
    row = _BAR * len(figure.series) + _GAP
    names = [shorten(name, _MOST_LETTERS) for name in figure.names]
    left = 12 + max((width_of(name, FONT) for name in names), default=20.0)
    bottom = 40.0 if figure.axis.name or figure.axis.unit else 26.0
    top = 22.0 if figure.reference is not None else 8.0
    frame = Frame(width, top + row * len(names) + bottom, left, top, 74, bottom)
    x = scale([0.0, *_all_values(figure)], frame.left, frame.x_end)
    parts: list[Child] = [x_axis(frame, x, figure.axis, grid=True)]
    for n, name in enumerate(names):
        y = frame.top + n * row + _GAP / 2
        parts.append(tag("text", name, x=frame.left - 6, y=y + (row - _GAP) / 2 + 3.8, class_="tick end"))
        for k, (series, style) in enumerate(zip(figure.series, looks, strict=True)):
            parts.append(_bar(figure, series, style, n, x, y + k * _BAR))
    if figure.reference is not None:
        at = x.at(figure.reference)
        parts.append(tag("path", d=f"M{at:.1f},{frame.top - 4:.1f}V{frame.y_end:.1f}", class_="reference"))
        text = f"{figure.reference_name} {value_text(figure.reference, figure.axis)}".strip()
        parts.append(tag("text", text, x=at, y=frame.top - 8, class_="label " + ("mid" if at > left + 60 else "")))
    return drawing(frame, describe(figure), *parts, whole="plain", data_plot="items")


def bars_legend(figure: Bars, styles: list[Style] | None = None) -> Markup | None:
    """Names of the series beside samples of their look; None where there is one series."""
    looks = styles or [Style(n) for n in range(len(figure.series))]
    return legend([(series.name, style) for series, style in zip(figure.series, looks, strict=True)], lines=False)


def describe(figure: Bars) -> str:
    """The drawing in words."""
    said = [
        f"{name}, {series.name}: {value_text(float(series.values[n]), figure.axis)}"
        for n, name in enumerate(figure.names[:8])
        for series in figure.series[:4]
    ]
    return f"{figure.title}, bar chart: " + "; ".join(said)


def _all_values(figure: Bars) -> list[float]:
    values = [] if figure.reference is None else [figure.reference]
    for series in figure.series:
        for part in (series.values, series.low, series.high):
            values += [] if part is None else part.tolist()
    return values


def _bar(figure: Bars, series: Series, style: Style, n: int, x: Scale, y: float) -> Markup:
    """One bar, its interval, its marker and its value."""
    value = float(series.values[n])
    middle, zero = y + _BAR / 2, x.at(0.0)
    said = f"{figure.names[n]}, {series.name}: {value_text(value, figure.axis)}"
    if not math.isfinite(value):
        return tag("text", "no figure", x=zero + 5, y=middle + 3.8, class_="tick faint")
    at, edge = x.at(value), x.at(value)
    parts: list[Child] = []
    if series.low is not None and series.high is not None and math.isfinite(series.low[n] + series.high[n]):
        low, high = float(series.low[n]), float(series.high[n])
        a, b = x.at(low), x.at(high)
        edge = max(at, b)
        said += f", from {value_text(low, figure.axis)} to {value_text(high, figure.axis)}"
        parts.append(
            tag(
                "path",
                d=f"M{a:.2f},{middle:.2f}H{b:.2f}M{a:.2f},{middle - 3:.2f}v6M{b:.2f},{middle - 3:.2f}v6",
                class_="error",
            )
        )
    start, size = min(zero, at), abs(at - zero)
    bar = tag("rect", x=start, y=y + 1.5, width=size, height=_BAR - 3, class_=f"bar {style.colour}")
    shown = mark(style, at, middle, size=3) if len(figure.series) > 1 else None
    text = tag("text", value_text(value, figure.axis), x=max(edge, zero) + 7, y=middle + 3.8, class_="tick")
    return tag("g", tag("title", said), bar, *parts, shown, text, class_="item")
