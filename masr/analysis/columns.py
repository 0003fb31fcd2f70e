"""Two columns of a table of models or checkpoints: whether their figures rise together, over all rows and by group."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from masr.errors import AnalysisError, near
from masr.files import ordinary
from masr.io.figure import Axis, Scatter
from masr.io.figure_file import write_figure
from masr.io.layout import FIGURE_SUFFIX
from masr.maths.rank_correlation import Correlation, correlate

Row = Mapping[str, str]


@dataclass(frozen=True)
class Options:
    """Which columns of which table; each is an option of `masr analyse correlation`."""

    table: Path
    x: str
    y: str
    by: str | None = None
    """Labels of groups of rows, each by itself as well."""
    name: str | None = None
    """Column with the name of each row, for the plot."""
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What the table says."""

    options: Options
    points: Sequence[tuple[float, float, Row]]
    """Rows that have both figures."""
    found: Sequence[Correlation]
    """Correlations of all rows, then of each group."""
    skipped: Sequence[str]
    """Why a group has none."""
    num_left_out: int
    """Rows where a figure is missing."""


def compute(options: Options) -> Outcome:
    """The rank correlations of two columns; AnalysisError where all rows together have none."""
    wanted = (options.x, options.y, options.by, options.name)
    rows = read_rows(options.table, [column for column in wanted if column])
    points = [
        (x, y, row)
        for row in rows
        if (x := _number(row[options.x])) is not None and (y := _number(row[options.y])) is not None
    ]
    groups: dict[str, list[tuple[float, float]]] = {"all": [(x, y) for x, y, _ in points]}
    for x, y, row in points if options.by else []:
        groups.setdefault(row[options.by or ""], []).append((x, y))
    found, skipped = [], []
    for name, pairs in groups.items():
        try:
            found.append(correlate([x for x, _ in pairs], [y for _, y in pairs], name, options.seed))
        except AnalysisError as error:
            if name == "all":
                raise
            skipped.append(error.what)
    return Outcome(options, points, found, skipped, len(rows) - len(points))


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a table that has these columns."""
    try:
        lines = ordinary(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise AnalysisError(f"{path} is not there", fix="give a table with a header, columns apart by tabs") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AnalysisError(f"{path} cannot be read: {error}") from None
    header = lines[0].split("\t") if lines else []
    for column in columns:
        if column not in header:
            raise AnalysisError(f"{path} has no column {column!r}", fix=near(column, header))
    rows: list[Row] = []
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(header):
            raise AnalysisError(f"{path}:{number}: {len(cells)} cells for {len(header)} columns")
        rows.append(dict(zip(header, cells)))
    return rows


def _number(text: str) -> float | None:
    """None for what is no figure."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def show(outcome: Outcome) -> None:
    """Prints it."""
    print(render(outcome))


def render(outcome: Outcome) -> str:
    """A line for each coefficient."""
    width = max(len(one.group) for one in outcome.found)
    lines = []
    for one in outcome.found:
        for name, value in (("Spearman", one.spearman), ("Kendall", one.kendall)):
            lines.append(
                f"{one.group:<{width}}  {name:<8} {value.value_text(3, True)}  {value.interval_text(3, True)}  "
                f"p {value.p:.4f}  of {one.num_points} points"
            )
    lines += [f"left out: {what}" for what in outcome.skipped]
    if outcome.num_left_out:
        lines.append(f"{outcome.num_left_out} rows left out, where a figure is missing")
    return "\n".join(lines)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Every figure."""
    return {
        "x": outcome.options.x,
        "y": outcome.options.y,
        "groups": list(outcome.found),
        "skipped": list(outcome.skipped),
        "rows_left_out": outcome.num_left_out,
    }


def write(folder: Path, outcome: Outcome) -> None:
    """The scatter plot, correlation.<x>.<y>.figure.json."""
    options, points = outcome.options, outcome.points
    names = tuple(row[options.name] for _, _, row in points) if options.name else ()
    groups = tuple(row[options.by] for _, _, row in points) if options.by else ()
    xs, ys = np.array([x for x, _, _ in points]), np.array([y for _, y, _ in points])
    title = f"{options.y} against {options.x}"
    stem = re.sub(r"[^\w.-]+", "_", f"correlation.{options.x}.{options.y}")
    figure = Scatter(title, xs, ys, names, groups, Axis(options.x), Axis(options.y))
    write_figure(folder / f"{stem}{FIGURE_SUFFIX}", figure)
