"""Two shares in each row, joined by a line: before and after, as one SVG file that stands for itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from masr.io.figure import Axis
from masr.maths.estimate import Estimate, points
from masr.report.colours import Style, mark
from masr.report.markup import Child, Markup, shorten, tag, width_of
from masr.report.numbers import percent, scale
from masr.report.plot import FONT, SHARE, Frame, x_axis
from masr.report.standalone import heading, standing_alone

_WIDTH, _ROW, _TOP, _GAP, _BOTTOM = 720.0, 20.0, 62.0, 10.0, 44.0
_WORDS, _CHANGE = 96.0, 132.0
"""Widths of the columns at the right: the shares in words, and how much they changed."""
_MOST_LETTERS = 34
_BEFORE, _AFTER = Style(0), Style(1)
_LARGE, _SMALL = 5.5, 3.5
"""Sizes of the marks of before and after: both are seen where nothing changes."""


@dataclass(frozen=True)
class Dumbbell:
    """One row of the drawing; shares are of 1."""

    name: str
    before: float
    after: float
    change: Estimate
    """After less before."""
    words: str = ""
    """Text at the right."""
    said: str = ""
    """Text under the pointer, before the figures."""


def draw_dumbbells(
    groups: Sequence[Sequence[Dumbbell]], title: str, before: str, after: str, axis: str, notes: Sequence[str] = ()
) -> str:
    """The text of an SVG file: rows below each other, a line between groups, `notes` under the axis."""
    rows = [row for group in groups for row in group]
    left = 16 + max(width_of(shorten(row.name, _MOST_LETTERS), FONT) for row in rows)
    end = _TOP + _ROW * len(rows) + _GAP * (len(groups) - 1)
    lines = [line for note in notes for line in _wrapped(note)]
    height = end + _BOTTOM + 15 * len(lines)
    frame = Frame(_WIDTH, height, left, _TOP - 4, _WORDS + _CHANGE + 12, height - end)
    across = scale([0.0, *(value for row in rows for value in (row.before, row.after))], left, frame.x_end, most=7)
    parts: list[Child] = [heading(shorten(title, 80)), _legend(before, after, left)]
    words = _WIDTH - _WORDS
    parts.append(tag("text", "change in points [95 %]", x=words - 10, y=44, class_="tick end"))
    parts.append(x_axis(frame, across, Axis(axis, SHARE), grid=True))
    y = _TOP
    for number, group in enumerate(groups):
        if number:
            parts.append(tag("path", d=f"M8,{y + _GAP / 2:.1f}H{_WIDTH - 8:.0f}", class_="axis"))
            y += _GAP
        for row in group:
            parts.append(_row(row, y + _ROW / 2, left, words, across.at(row.before), across.at(row.after)))
            y += _ROW
    parts += [tag("text", line, x=8, y=end + _BOTTOM + 4 + 15 * n, class_="tick") for n, line in enumerate(lines)]
    return standing_alone(parts, _WIDTH, height, f"{title}: before {before}, after {after}")


def _row(row: Dumbbell, y: float, left: float, words: float, before: float, after: float) -> Markup:
    change = points(row.change)
    said = f"{row.said or row.name}: {percent(row.before)} before, {percent(row.after)} after, {change} points"
    return tag(
        "g",
        tag("title", said),
        tag("text", shorten(row.name, _MOST_LETTERS), x=left - 8, y=y + 4, class_="end"),
        tag("path", d=f"M{before:.1f},{y:.1f}H{after:.1f}", class_="axis"),
        mark(_BEFORE, before, y, size=_LARGE),
        mark(_AFTER, after, y, size=_SMALL),
        tag("text", change, x=words - 10, y=y + 4, class_="end"),
        tag("text", row.words, x=words, y=y + 4, class_="label"),
    )


def _legend(before: str, after: str, left: float) -> Markup:
    """Samples of both marks with their names."""
    parts: list[Child] = []
    for style, size, text in ((_BEFORE, _LARGE, f"before: {before}"), (_AFTER, _SMALL, f"after: {after}")):
        text = shorten(text, 28)
        parts += [mark(style, left + 5, 40, size=size), tag("text", text, x=left + 14, y=44)]
        left += 30 + width_of(text, FONT)
    return tag("g", *parts)


def _wrapped(text: str) -> Iterable[str]:
    """The text cut into lines that fit."""
    line = ""
    for word in text.split():
        if line and width_of(f"{line} {word}", FONT) > _WIDTH - 16:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    if line:
        yield line
