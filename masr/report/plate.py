"""A figure that a page shows, and how it looks there: the page draws it as SVG, paper.py as PDF and PNG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from masr.io.figure import Curve, Figure
from masr.report.colours import Style


@dataclass(frozen=True)
class Line:
    """One curve and how it looks."""

    curve: Curve
    style: Style
    label: str = ""
    """Text at the line's end; its name where this is empty."""
    marks: bool = True


@dataclass(frozen=True, eq=False)
class Plate:
    """One figure with its looks."""

    name: str
    """What its files are called: words with dots between, `training.loss`."""
    figure: Figure
    lines: tuple[Line, ...] = ()
    """The looks of its curves; by their order where this is empty."""
    styles: Mapping[str, Style] = field(default_factory=dict)
    """The look of each group of its points; by their names where this is empty."""
