"""The frame of a drawing: its sides, its axes, its legend, and the HTML around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from masr.io.figure import Axis
from masr.report.colours import Style, mark
from masr.report.markup import Child, Markup, join, shorten, tag, width_of
from masr.report.numbers import Scale, power_text, tick_texts

FONT = 11.0
PLAIN = Axis()
SHARE = "share"
"""The unit of what is at most one, and is shown as percent."""


@dataclass(frozen=True)
class Frame:
    """The rectangle that data are drawn in, inside a drawing of width x height."""

    width: float
    height: float
    left: float
    top: float
    right: float
    """Distance of the rectangle from the drawing's right side."""
    bottom: float

    @property
    def x_end(self) -> float:
        """x of the rectangle's right side."""
        return self.width - self.right

    @property
    def y_end(self) -> float:
        """y of the rectangle's lower side."""
        return self.height - self.bottom


def drawing(
    frame: Frame,
    label: str,
    *children: Child,
    wide: bool = False,
    centred: bool = False,
    whole: str = "",
    **data: str | None,
) -> Markup:
    """An SVG that a reader can name, focus and print.

    `wide` scrolls by itself on a narrow screen, from its middle if `centred`; what is `whole`, large or small, shrinks.
    """
    box = f"0 0 {round(frame.width)} {round(frame.height)}"
    svg = tag("svg", *children, viewBox=box, role="img", aria_label=label, tabindex="0", **data)
    if not (wide or whole):
        return svg
    # The size class lets the style sheet stop shrinking where text would become too small to read.
    size = next((size for size in ("s", "m", "l", "xl") if frame.width <= _WIDTHS[size]), "xl")
    return tag("div", svg, class_=f"{f'whole {whole}' if whole else 'scroll'} {size}" + (" centred" if centred else ""))


_WIDTHS = {"s": 420, "m": 640, "l": 960, "xl": 4000}


def figure(title: str, *body: Child, note: str = "", extra: Child = None, class_: str = "") -> Markup:
    """A drawing or a table with its title, its note, and the line that says what is under the pointer."""
    return tag(
        "figure",
        tag("figcaption", tag("strong", title), tag("span", note, class_="note") if note else None),
        *body,
        tag("output", class_="readout"),
        extra,
        class_=class_ or None,
    )


def axis_text(axis: Axis) -> str:
    """Name and unit; shares of one are shown as percent, which needs no saying."""
    unit = "" if axis.unit == SHARE else axis.unit
    return f"{axis.name} ({unit})" if unit and axis.name else axis.name or unit


def x_axis(frame: Frame, scale: Scale, axis: Axis = PLAIN, grid: bool = False) -> Markup:
    """Ticks and numbers under the rectangle."""
    texts = _texts(scale, axis)
    step = _stride(scale, texts)
    parts: list[Child] = [tag("path", d=f"M{frame.left:.1f},{frame.y_end:.1f}H{frame.x_end:.1f}", class_="axis")]
    for n, (value, text) in enumerate(texts):
        x = scale.at(value)
        if grid:
            parts.append(tag("path", d=f"M{x:.1f},{frame.top:.1f}V{frame.y_end:.1f}", class_="grid"))
        parts.append(tag("path", d=f"M{x:.1f},{frame.y_end:.1f}v4", class_="axis"))
        if n % step == 0:
            parts.append(tag("text", text, x=x, y=frame.y_end + 15, class_="tick mid"))
    title = axis_text(axis)
    if title:
        middle = (frame.left + frame.x_end) / 2
        parts.append(tag("text", title, x=middle, y=frame.y_end + 30, class_="label mid"))
    return tag("g", *parts)


def y_axis(frame: Frame, scale: Scale, axis: Axis = PLAIN) -> Markup:
    """Numbers left of the rectangle and lines across it; the axis's name lies above its upper end, to be read."""
    parts: list[Child] = []
    for value, text in _texts(scale, axis):
        y = scale.at(value)
        parts.append(tag("path", d=f"M{frame.left:.1f},{y:.1f}H{frame.x_end:.1f}", class_="grid"))
        parts.append(tag("text", text, x=frame.left - 6, y=y + 3.8, class_="tick end"))
    title = axis_text(axis)
    if title:
        parts.append(tag("text", title, x=4, y=frame.top - 9, class_="label"))
    return tag("g", *parts)


def left_margin(scale: Scale, axis: Axis = PLAIN) -> float:
    """Room for the longest number of a vertical axis."""
    return 12 + max((width_of(text, FONT) for _, text in _texts(scale, axis)), default=0.0)


def legend(entries: Sequence[tuple[str, Style]], lines: bool = True) -> Markup | None:
    """Names beside samples of their look; nothing where there is nothing to tell apart."""
    if len(entries) < 2:
        return None
    return tag(
        "ul", *(tag("li", sample(style, lines), " ", shorten(name, 60)) for name, style in entries), class_="legend"
    )


def sample(style: Style, line: bool = True) -> Markup:
    """How a series looks, in the size of a letter."""
    stroke = tag("path", d="M1,7H27", class_=f"line {style.colour}", stroke_dasharray=style.dash or None)
    return tag(
        "svg",
        join(stroke if line else None, mark(style, 14, 7, size=3.5)),
        class_="sample",
        viewBox="0 0 28 14",
        aria_hidden="true",
    )


def moved_apart(places: Iterable[float], gap: float, low: float, high: float) -> list[float]:
    """Places moved apart so that neighbours are `gap` away, moved no further than that needs, within low and high.

    What does not fit even then is squeezed evenly.
    """
    wanted = list(places)
    order = sorted(range(len(wanted)), key=lambda n: wanted[n])
    if not order:
        return []
    gap = min(gap, (high - low) / max(1, len(order) - 1)) if len(order) > 1 else gap
    # Least squares with an order kept: pool neighbours that press on each other, as isotonic regression does.
    pools: list[tuple[float, int]] = []
    for rank, n in enumerate(order):
        total, count = wanted[n] - rank * gap, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            other, size = pools.pop()
            total, count = total + other, count + size
        pools.append((total, count))
    flat = [total / count for total, count in pools for _ in range(count)]
    moved = [0.0] * len(wanted)
    for rank, n in enumerate(order):
        base = min(max(flat[rank], low), high - (len(order) - 1) * gap)
        moved[n] = base + rank * gap
    return moved


def anchor_name(text: str) -> str:
    """An id for a link within the page."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"


def _texts(scale: Scale, axis: Axis) -> list[tuple[float, str]]:
    """(tick, its label) along an axis."""
    if axis.ticks:
        inside = range(max(0, round(scale.ticks[0])), min(len(axis.ticks), round(scale.ticks[-1]) + 1))
        return [(float(n), shorten(axis.ticks[n], 14)) for n in inside]
    if scale.log:
        texts = [power_text(tick) for tick in scale.ticks]
    elif axis.unit == SHARE:
        texts = [f"{text} %" for text in tick_texts([100 * tick for tick in scale.ticks])]
    else:
        texts = tick_texts(list(scale.ticks))
    return list(zip(scale.ticks, texts, strict=True))


def _stride(scale: Scale, texts: Sequence[tuple[float, str]]) -> int:
    """Every how many-th label of a horizontal axis fits."""
    if len(texts) < 2:
        return 1
    room = (scale.end - scale.start) / (len(texts) - 1)
    widest = max(width_of(text, FONT) for _, text in texts) + 6
    return max(1, -(-round(widest) // max(1, round(room))))
