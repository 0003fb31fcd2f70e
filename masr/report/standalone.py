"""An SVG file that stands for itself, without a page's style sheet and without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from masr.report.colours import light_colours
from masr.report.markup import Child, Markup, tag

_INK, _SOFT, _GRID, _PAPER = "#1b1f23", "#57606a", "#e6e9ec", "#ffffff"


def standing_alone(parts: Sequence[Child], width: float, height: float, label: str) -> str:
    """The text of an SVG file: drawings that use the classes of a page, on white; `label` says what they show."""
    svg = tag(
        "svg",
        tag("style", Markup(_style())),
        tag("rect", width=width, height=height, fill=_PAPER),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {round(width)} {round(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
    )
    return f"{svg}\n"


def heading(title: str) -> Markup:
    """The title above everything."""
    return tag("text", title, x=8, y=18, style="font-size: 14px; font-weight: bold")


@cache
def _style() -> str:
    """The rules of the page that drawings need, with its light colours written out: not every viewer has variables."""
    rules = [
        f"text {{ font: 11px sans-serif; fill: {_INK}; }}",
        f".tick, .label {{ fill: {_SOFT}; }} .name {{ font-size: 10px; }} .direct {{ font-weight: 600; }}",
        ".mid { text-anchor: middle; } .end { text-anchor: end; } .cursor { display: none; }",
        f".axis {{ stroke: {_SOFT}; fill: none; }} path.grid {{ stroke: {_GRID}; fill: none; }}",
        ".line { stroke-width: 1.8; fill: none; stroke-linejoin: round; stroke-linecap: round; }",
        f".band {{ opacity: 0.18; }} .mark {{ stroke: {_PAPER}; stroke-width: 0.8; }}",
        ".cell { font-size: 10px; } .black { fill: #000000; } .white { fill: #ffffff; } .void { fill: #c9ced3; }",
        f".error {{ stroke: {_INK}; stroke-width: 1.2; fill: none; }}",
    ]
    for n, colour in enumerate(light_colours()):
        rules.append(f".line.c{n} {{ stroke: {colour}; }} .band.c{n}, .mark.c{n} {{ fill: {colour}; }}")
        rules.append(f".mark.open.c{n} {{ fill: none; stroke: {colour}; stroke-width: 2; }}")
    return "\n".join(rules)
