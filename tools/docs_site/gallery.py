"""A page of figures: those of the recipes' results, and one of every kind that a report can draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from masr.io.figure import Axis, Bars, Confusion, Curve, Curves, Figure, Heatmap, Merge, Places, Scatter, Series
from masr.report.paper.files import write_plates
from masr.report.plate import Plate

_LANGUAGES = ("ces", "slk", "pol", "hrv", "srp", "bos")


def examples() -> dict[str, Figure]:
    """Name -> a figure of each kind that has a picture; the numbers are invented."""
    random = np.random.default_rng(0)
    regions = ("West", "West", "West", "South", "South", "South")
    steps: Any = np.arange(0.0, 620, 20)
    numbers: Any = np.array
    falling = [
        Curve(name, steps, 2.2 + rest * np.exp(-steps / pace))
        for name, rest, pace in (("without", 4, 150), ("with", 4, 110))
    ]
    sizes = random.uniform(3, 10, 6)
    confusion = np.diag(sizes.round()) + random.integers(0, 3, (6, 6))
    alike = np.exp(-np.abs(np.subtract.outer(np.arange(6), np.arange(6))) / 3)
    tree = (Merge(0, 1, 0.2), Merge(3, 4, 0.2), Merge(6, 2, 0.5), Merge(7, 5, 0.5), Merge(8, 9, 1.0))
    return {
        "curves": Curves("Loss", tuple(falling), Axis("step"), Axis("loss")),
        "bars": Bars("Accuracy", ("heard", "unheard"), (
                     Series("without", *numbers([[0.3, 0.2], [0.26, 0.15], [0.34, 0.25]])),
                     Series("with", *numbers([[0.5, 0.36], [0.46, 0.3], [0.54, 0.42]]))),
                     Axis("", "share"), 0.024, "chance"),
        "heatmap": Heatmap("How alike", alike, _LANGUAGES, _LANGUAGES, row_tree=tree, column_tree=tree),
        "confusion": Confusion("Confusions", confusion, _LANGUAGES, _LANGUAGES),
        "scatter": Scatter("Languages by two directions", random.normal(size=6), random.normal(size=6), _LANGUAGES,
                           regions, Axis("first"), Axis("second")),
        "places": Places("Where they are spoken", numbers([50, 48.7, 52.2, 45.8, 44.8, 43.9]),
                         numbers([14.4, 17.1, 21, 16, 20.5, 18.4]), _LANGUAGES, regions),
    }  # fmt: skip


def page(root: Path, source: Path) -> str:
    """Writes the pictures under `source`, and returns the page that shows them."""
    lines = [
        "# Figures",
        "## Of the recipes' results",
        "Each is drawn by a table (`masr table results`); what it says stands beside it in the results.",
    ]
    for path in sorted(root.glob("egs/*/figures/*.svg")):
        recipe = path.parts[-3]
        out = source / "files" / "egs" / recipe / "figures" / path.name
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(path.read_bytes())
        lines.append(
            f"### {recipe}: {path.stem.replace('.', ', ')}\n\n![{path.stem}](files/egs/{recipe}/figures/{path.name})"
        )
    lines += [
        "## Of every kind",
        "What `masr report --pdf DIR` draws for a paper, in the width of a column; the numbers here are invented. On "
        "the page of `masr report` the same figures can be pointed at, and are dark at night.",
    ]
    folder = source / "files" / "kinds"
    for name in write_plates([Plate(name, figure) for name, figure in examples().items()], folder):
        lines.append(f"### {name}\n\n![{name}](files/kinds/{name}.png){{width=420}}")
    return "\n\n".join(lines) + "\n"
