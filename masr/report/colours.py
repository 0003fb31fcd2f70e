"""Colours that colour-blind readers can tell apart, and the signs that say the same without colour.

Seven of the eight colours of Okabe and Ito (2008); their yellow is too faint on white. The maps for numbers go straight
from one colour to another in OKLab (Ottosson 2020), where equal steps look equal and lightness never turns back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from masr.report.markup import Markup, coordinate, tag

NUM_COLOURS = 7
DASHES = ("", "7 3", "2 3", "9 3 2 3")
MARKERS = ("circle", "square", "up", "diamond", "plus", "down", "cross")

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_ENDS = {"sequential": ("#00204d", "#ffea46"), "diverging": ("#08519c", "#f7f7f7", "#a63603")}


@dataclass(frozen=True)
class Style:
    """How one series looks; no two of the first 49 are alike even in grey."""

    number: int
    dash: str = ""

    @property
    def colour(self) -> str:
        """The CSS class that sets its colour."""
        return f"c{self.number % NUM_COLOURS}"

    @property
    def marker(self) -> str:
        """The shape of its points."""
        return MARKERS[(self.number + self.number // NUM_COLOURS) % len(MARKERS)]


@cache
def light_colours() -> list[str]:
    """The colours of series on white, #rrggbb, as the page's style sheet has them."""
    page = files("masr.report").joinpath("page.css").read_text(encoding="utf-8")
    return [re.findall(rf"--s{n}: (#[0-9a-f]{{6}})", page)[0] for n in range(NUM_COLOURS)]


def series_style(number: int) -> Style:
    """The n-th of several lines: another colour, another marker, and another dash."""
    return Style(number, DASHES[(number + number // len(DASHES)) % len(DASHES)])


def mark(style: Style, x: float, y: float, *, size: float = 3.5, title: str | None = None) -> Markup:
    """A point at (x, y)."""
    shape = Markup(marker_path(style.marker, x, y, size))
    outline = " open" if style.marker in ("plus", "cross") else ""
    return tag("path", tag("title", title) if title else None, class_=f"mark {style.colour}{outline}", d=shape)


def marker_path(marker: str, x: float, y: float, r: float) -> str:
    """The outline of a marker, of about the same area whatever its shape."""
    corners = {
        "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        "up": ((0, -1.25), (1.15, 0.8), (-1.15, 0.8)),
        "down": ((0, 1.25), (1.15, -0.8), (-1.15, -0.8)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    }
    c = coordinate
    if marker in corners:
        return "M" + "L".join(f"{c(x + a * r)},{c(y + b * r)}" for a, b in corners[marker]) + "Z"
    if marker == "circle":
        arc = f"a{c(r)},{c(r)} 0 1 0 "
        return f"M{c(x - r)},{c(y)}{arc}{c(2 * r)},0{arc}{c(-2 * r)},0Z"
    s = r * (1.2 if marker == "plus" else 0.95)
    if marker == "plus":
        return f"M{c(x - s)},{c(y)}h{c(2 * s)}M{c(x)},{c(y - s)}v{c(2 * s)}"
    return f"M{c(x - s)},{c(y - s)}l{c(2 * s)},{c(2 * s)}M{c(x - s)},{c(y + s)}l{c(2 * s)},{c(-2 * s)}"


@cache
def colour_map(name: str, num_levels: int = 256) -> npt.NDArray[np.uint8]:
    """(num_levels, 3) sRGB from low to high."""
    anchors = np.array([_to_lab(_from_hex(colour)) for colour in _ENDS[name]])
    places = np.linspace(0, len(anchors) - 1, num_levels)
    lab = np.stack([np.interp(places, np.arange(len(anchors)), anchors[:, k]) for k in range(3)], axis=1)
    return np.round(255 * _from_lab(lab)).astype(np.uint8)


def hex_of(rgb: npt.NDArray[np.uint8]) -> str:
    """A colour as CSS writes it: #rrggbb."""
    return "#" + "".join(f"{int(v):02x}" for v in rgb)


def ink_on(rgb: npt.NDArray[np.uint8]) -> str:
    """Black or white, whichever stands out more."""
    luminance = float(_linear(rgb / 255) @ np.array([0.2126, 0.7152, 0.0722]))
    return "black" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "white"


def _from_hex(colour: str) -> npt.NDArray[np.float64]:
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def _linear(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    linear: npt.NDArray[np.float64] = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear


def _to_lab(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lab: npt.NDArray[np.float64] = _TO_LAB @ np.cbrt(_TO_LMS @ _linear(rgb))
    return lab


def _from_lab(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    linear = np.clip((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T, 0, 1)
    rgb: npt.NDArray[np.float64] = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055
    )
    return np.clip(rgb, 0, 1)
