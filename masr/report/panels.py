"""Matrices side by side as one SVG file that stands for itself, without a page's style sheet.

Shapes: a matrix is (M, M).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from masr.analysis.similarity.matrix import mean_matrix
from masr.errors import UsageError
from masr.io.figure_checks import Array
from masr.report.colours import colour_map, hex_of, ink_on
from masr.report.markup import Markup, join, tag, width_of

_CELL, _FONT, _SMALL, _GAP, _TITLE = 34.0, 12.0, 10.0, 28.0, 26.0
_LEVELS = 256


@dataclass(frozen=True, eq=False)
class Panel:
    """One matrix."""

    title: str
    names: tuple[str, ...]
    values: Array


def read_panels(given: Sequence[Sequence[str]]) -> list[Panel]:
    """A panel of each title and the tables behind it: one matrix, or the mean of several, as of several seeds."""
    panels = []
    for title, *files in given:
        if not files:
            raise UsageError(f"--panel {title} has no matrix", fix="--panel TITLE FILE...")
        matrix = mean_matrix([Path(file) for file in files])
        panels.append(Panel(title, matrix.names, matrix.values))
    return panels


def draw_panels(panels: Sequence[Panel], title: str = "") -> str:
    """The text of an SVG file. Colours run from the smallest value of all, or 0 where none is below, to 1."""
    low = min(0.0, *(float(panel.values.min()) for panel in panels))
    high = max(1.0, *(float(panel.values.max()) for panel in panels))
    margin = max(width_of(name, _FONT) for panel in panels for name in panel.names) + 14
    top = (_TITLE if title else 0.0) + _TITLE
    parts, left, height = [], 0.0, 0.0
    for panel in panels:
        parts.append(_panel(panel, left + margin, top, low, high))
        side = _CELL * len(panel.names)
        left += margin + side + _GAP
        height = max(height, top + side + margin)
    if title:
        parts.insert(0, tag("text", title, x=8, y=18, font_size=14, font_weight="bold"))
    width = left - _GAP + 8
    svg = tag(
        "svg",
        tag("rect", width=width, height=height, fill="#ffffff"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {round(width)} {round(height)}",
        width=width,
        height=height,
        role="img",
        aria_label="; ".join(filter(None, (title, *(panel.title for panel in panels)))),
        font_family="sans-serif",
    )
    return f"{svg}\n"


def _panel(panel: Panel, left: float, top: float, low: float, high: float) -> Markup:
    palette = colour_map("sequential", _LEVELS)
    parts = [tag("text", panel.title, x=left, y=top - 8, font_size=13)]
    for k, name in enumerate(panel.names):
        middle = (k + 0.5) * _CELL
        parts.append(
            tag("text", name, x=left - 6, y=top + middle + 4, font_size=_FONT, text_anchor="end", fill="#222222")
        )
        x, y = left + middle + 4, top + _CELL * len(panel.names) + 8
        turn = f"rotate(-90 {x:g} {y:g})"
        parts.append(tag("text", name, x=x, y=y, font_size=_FONT, text_anchor="end", transform=turn, fill="#222222"))
        for n, value in enumerate(panel.values[k]):
            level = int(np.clip(round((float(value) - low) / (high - low) * (_LEVELS - 1)), 0, _LEVELS - 1))
            colour = palette[level]
            x, y = left + n * _CELL, top + k * _CELL
            parts.append(
                tag(
                    "g",
                    tag("title", f"{name}, {panel.names[n]}: {float(value):.3f}"),
                    tag("rect", x=x, y=y, width=_CELL, height=_CELL, fill=hex_of(colour)),
                    tag(
                        "text",
                        _short(float(value)),
                        x=x + _CELL / 2,
                        y=y + _CELL / 2 + 4,
                        font_size=_SMALL,
                        text_anchor="middle",
                        fill=ink_on(colour),
                    ),
                )
            )
    return join(*parts)


def _short(value: float) -> str:
    """.83 rather than 0.83: ten columns have to fit."""
    return f"{value:.2f}".replace("0.", ".", 1) if value < 1 else f"{value:.0f}"
