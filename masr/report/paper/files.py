"""Each figure of a page as NAME.pdf and NAME.png, as wide as a column of a paper, or as both columns.

Text is at least 7 points and stays text: fonts are embedded as TrueType (type 42), as publishers ask for. Bytes depend
on the figure and on matplotlib's version alone: no date is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from masr.errors import MissingPackageError
from masr.io.atomic import atomic_path
from masr.report.contents import is_drawn
from masr.report.paper.draw import draw
from masr.report.plate import Plate

DOTS_PER_INCH = 300
STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # it comes with matplotlib, so that every machine draws the same
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e9ec",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 3,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "text.parse_math": False,  # a name may hold a dollar
    "axes.unicode_minus": True,
    "savefig.dpi": DOTS_PER_INCH,
    "figure.constrained_layout.w_pad": 0.02,
    "figure.constrained_layout.h_pad": 0.02,
}


def write_plates(plates: Sequence[Plate], folder: Path) -> list[str]:
    """Writes every picture among the plates to the folder; the names, without suffix, of what was written."""
    require_matplotlib()
    import matplotlib

    plain = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith("backend")}
    written: list[str] = []
    with matplotlib.rc_context({**plain, **STYLE}):
        for plate in filter(is_drawn, plates):
            name = _file_name(plate.name, written)
            picture = draw(plate)
            title = {"Title": plate.figure.title}
            with atomic_path(folder / f"{name}.pdf") as path:
                picture.savefig(path, format="pdf", metadata={**title, "CreationDate": None})
            with atomic_path(folder / f"{name}.png") as path:
                picture.savefig(path, format="png", metadata={**title, "Software": None})
            written.append(name)
    return written


def require_matplotlib() -> None:
    """MissingPackageError, naming the extra, where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingPackageError(
            "matplotlib is not installed",
            why="figures for papers are drawn by it, and it is an extra of masr",
            fix="pip install -c constraints.txt -e '.[figures]', or leave out --pdf",
        ) from None


def _file_name(name: str, taken: Sequence[str]) -> str:
    """A name that every file system and LaTeX takes, unlike those that are there."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name.replace("/", ".")).strip("-.")[:120] or "figure"
    number = 2
    unique = plain
    while unique.lower() in {other.lower() for other in taken}:
        unique, number = f"{plain}-{number}", number + 1
    return unique
