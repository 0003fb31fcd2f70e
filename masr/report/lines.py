"""Line charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from masr.io.figure import Axis, Curves
from masr.io.figure_checks import Array
from masr.report.colours import mark, series_style
from masr.report.markup import Child, Markup, coordinate, join, shorten, tag, width_of
from masr.report.numbers import Scale, percent, scale, short
from masr.report.plate import Line
from masr.report.plot import FONT, Frame, drawing, left_margin, moved_apart, x_axis, y_axis

Places = npt.NDArray[np.intp]

MAX_LABELLED = 8
"""Lines that get their name at their end; more are told apart by the legend alone."""
_BOLD = 1.12
"""How much wider bold letters are."""
_FEW_POINTS = 24
_MARKS_ON_A_LINE = 7


def lines_of(figure: Curves, lines: Sequence[Line] = ()) -> list[Line]:
    """The looks of a figure's curves: those that are given, else one by one."""
    return list(lines) or [Line(curve, series_style(n)) for n, curve in enumerate(figure.curves)]


def draw_curves(
    figure: Curves, lines: Sequence[Line] = (), *, width: float = 380, height: float = 240, wide: bool = False
) -> Markup:
    """The lines with their axes; each line's last value beside its end."""
    shown = lines_of(figure, lines)
    frame, x, y = _layout(figure, shown, width, height)
    labels = _end_labels(shown, frame, y, figure.y) if len(shown) <= MAX_LABELLED else Markup("")
    return drawing(
        frame,
        describe(figure),
        y_axis(frame, y, figure.y),
        x_axis(frame, x, figure.x),
        [_band(line, x, y) for line in shown],
        [_draw(line, x, y, figure) for line in shown],
        labels,
        tag("path", class_="cursor", d=f"M0,{frame.top:.1f}V{frame.y_end:.1f}"),
        whole="plain" if wide else "",
        data_plot="lines",
        data_ticks="\t".join(figure.x.ticks) or None,
        data_x_name=figure.x.name or "x",
    )


def describe(figure: Curves) -> str:
    """The drawing in words, for who cannot see it."""
    ends = []
    for curve in figure.curves[:12]:
        known = np.flatnonzero(np.isfinite(curve.y))
        if len(known):
            first, last = curve.y[known[0]], curve.y[known[-1]]
            ends.append(f"{curve.name} from {value_text(first, figure.y)} to {value_text(last, figure.y)}")
    return f"{figure.title}, line chart over {figure.x.name or 'x'}: " + ("; ".join(ends) or "no values")


def value_text(value: float, axis: Axis) -> str:
    """A value as its axis counts."""
    return percent(value) if axis.unit == "share" else short(value)


def _layout(figure: Curves, shown: Sequence[Line], width: float, height: float) -> tuple[Frame, Scale, Scale]:
    top = 26.0 if figure.y.name or figure.y.unit else 12.0
    bottom = 38.0 if figure.x.name or figure.x.unit else 24.0
    ys = [v for line in shown for part in (line.curve.y, line.curve.low, line.curve.high) for v in _values(part)]
    y = scale(ys, height - bottom, top, figure.y.log, 6)
    right = 14.0
    if 0 < len(shown) <= MAX_LABELLED:
        widest = max(width_of(end_label(line, figure.y), _BOLD * FONT) for line in shown)
        right = min(width * 0.4, 12 + widest)
    frame = Frame(width, height, left_margin(y, figure.y), top, right, bottom)
    if figure.x.ticks:
        # Names stand at whole places, and nothing lies beyond the first and the last of them.
        places = [float(n) for n in range(max(2, len(figure.x.ticks)))]
        return frame, Scale((places[0], places[-1]), frame.left + 8, frame.x_end - 8), y
    xs = [v for line in shown for v in _values(line.curve.x)]
    return frame, scale(xs, frame.left, frame.x_end, figure.x.log, 6), y


def _values(part: Array | None) -> list[float]:
    return [] if part is None else [float(v) for v in part[np.isfinite(part)]]


def end_label(line: Line, axis: Axis) -> str:
    """The text at the end of a line: its name and its last value."""
    known = line.curve.y[np.isfinite(line.curve.y)]
    name = shorten(line.label or line.curve.name, 16)
    return f"{name} {value_text(float(known[-1]), axis)}" if len(known) else name


def _runs(line: Line) -> Iterator[Places]:
    """The points of each stretch without a gap, as indices."""
    known = np.flatnonzero(np.isfinite(line.curve.x) & np.isfinite(line.curve.y))
    yield from (run for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1) if len(run))


def _path(x: Scale, y: Scale, xs: Array, ys: Array) -> str:
    return "L".join(f"{coordinate(x.at(a))},{coordinate(y.at(b))}" for a, b in zip(xs, ys, strict=True))


def _draw(line: Line, x: Scale, y: Scale, figure: Curves) -> Markup:
    """The line, its markers, and its exact values for the script."""
    curve, style = line.curve, line.style
    runs = list(_runs(line))
    known = np.concatenate(runs) if runs else np.zeros(0, dtype=int)
    path = "".join("M" + _path(x, y, curve.x[run], curve.y[run]) for run in runs)
    parts: list[Child] = [
        tag(
            "path",
            d=Markup(path),
            class_=f"line {style.colour}",
            stroke_dasharray=style.dash or None,
            data_name=curve.name,
            data_x=" ".join(f"{curve.x[n]:.7g}" for n in known),
            data_y=" ".join(f"{curve.y[n]:.4g}" for n in known),
            data_share=figure.y.unit == "share",
        )
    ]
    alone = {int(run[0]) for run in runs if len(run) == 1}
    few = set(known.tolist()) if len(known) <= _FEW_POINTS else _evenly(known)
    marked = sorted((few if line.marks else set()) | alone)
    parts += [mark(style, x.at(float(curve.x[n])), y.at(float(curve.y[n])), size=3) for n in marked]
    return tag("g", *parts)


def _evenly(known: Places) -> set[int]:
    places = np.linspace(0, len(known) - 1, _MARKS_ON_A_LINE).round().astype(int)
    return {int(n) for n in known[places]}


def _band(line: Line, x: Scale, y: Scale) -> Markup | None:
    """The area from the low to the high ends of the line's interval; None where it has none."""
    low, high = line.curve.low, line.curve.high
    if low is None or high is None:
        return None
    known = np.isfinite(line.curve.x) & np.isfinite(low) & np.isfinite(high)
    if y.log:
        known &= low > 0
    places = np.flatnonzero(known)
    bands = []
    for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
        if len(run) > 1:
            there, back = line.curve.x[run], line.curve.x[run][::-1]
            bands.append(f"M{_path(x, y, there, high[run])}L{_path(x, y, back, low[run][::-1])}Z")
        elif len(run):
            at, ends = x.at(float(line.curve.x[run[0]])), (y.at(float(low[run[0]])), y.at(float(high[run[0]])))
            bands.append(f"M{at - 2:.2f},{ends[0]:.2f}h4V{ends[1]:.2f}h-4Z")
    return tag("path", d=Markup("".join(bands)), class_=f"band {line.style.colour}") if bands else None


def _end_labels(shown: Sequence[Line], frame: Frame, y: Scale, axis: Axis) -> Markup:
    """Each line's name and last value right of its end, moved apart where they would overlap."""
    ended = []
    for line in shown:
        known = line.curve.y[np.isfinite(line.curve.y)]
        if len(known):
            ended.append((line, y.at(float(known[-1]))))
    places = moved_apart([at for _, at in ended], FONT + 2, frame.top, frame.y_end)
    return join(
        tag("text", end_label(line, axis), x=frame.x_end + 7, y=place + 3.8, class_=f"direct {line.style.colour}")
        for (line, _), place in zip(ended, places, strict=True)
    )
