"""Whether two columns of a table rise together over models or checkpoints: rank correlations, a plot.

TABLE.tsv has a header and a row for each model or checkpoint: its pre-training loss, the accuracy of a probe, a bound
on mutual information, a word error rate. Rows where one of the two is missing are left out and counted. --by gives the
correlation of each group, as of each objective, beside that of all rows.

example:
  masr analyse correlation exp/checkpoints.tsv --x loss --y phone_accuracy --by objective --out exp/correlation
  masr analyse correlation exp/layers.tsv --x bound --y wer --name representation --json
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.maths.rank_correlation import Correlation

Row = Mapping[str, str]


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse correlation`."""
    parser.add_argument("table", type=Path, metavar="TABLE.tsv", help="with a header")
    parser.add_argument("--x", required=True, metavar="COLUMN", help="first figure")
    parser.add_argument("--y", required=True, metavar="COLUMN", help="second figure")
    parser.add_argument("--by", metavar="COLUMN", help="groups of rows, each by itself as well")
    parser.add_argument("--name", metavar="COLUMN", help="names of the points in the plot")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a scatter plot for masr report there")


def run(args: argparse.Namespace) -> None:
    """Reads, correlates, prints."""
    from masr.errors import AnalysisError
    from masr.maths.rank_correlation import correlate

    rows = read_rows(args.table, [column for column in (args.x, args.y, args.by, args.name) if column])
    points = [
        (x, y, row)
        for row in rows
        if (x := _number(row[args.x])) is not None and (y := _number(row[args.y])) is not None
    ]
    groups: dict[str, list[tuple[float, float]]] = {"all": [(x, y) for x, y, _ in points]}
    for x, y, row in points if args.by else []:
        groups.setdefault(row[args.by], []).append((x, y))
    found, skipped = [], []
    for name, pairs in groups.items():
        try:
            found.append(correlate([x for x, _ in pairs], [y for _, y in pairs], name, args.seed))
        except AnalysisError as error:
            if name == "all":
                raise
            skipped.append(error.what)
    if args.out:
        write(args, points)
    if args.json:
        from masr.io.json_file import write_json

        values = {"x": args.x, "y": args.y, "groups": found, "skipped": skipped}
        write_json(args.json, {**values, "rows_left_out": len(rows) - len(points)})
    if args.json != "-":
        print(report(found, skipped, len(rows) - len(points)))


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a table that has these columns."""
    from masr.errors import AnalysisError, near

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise AnalysisError(f"{path} is not there", fix="give a table with a header, columns apart by tabs") from None
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
    import math

    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def report(found: Sequence[Correlation], skipped: Sequence[str], num_left_out: int) -> str:
    """A line for each coefficient."""
    width = max(len(one.group) for one in found)
    lines = []
    for one in found:
        for name, value in (("Spearman", one.spearman), ("Kendall", one.kendall)):
            lines.append(
                f"{one.group:<{width}}  {name:<8} {value.value_text(3, True)}  {value.interval_text(3, True)}  "
                f"p {value.p:.4f}  of {one.num_points} points"
            )
    lines += [f"left out: {what}" for what in skipped]
    if num_left_out:
        lines.append(f"{num_left_out} rows left out, where a figure is missing")
    return "\n".join(lines)


def write(args: argparse.Namespace, points: Sequence[tuple[float, float, Row]]) -> None:
    """correlation.<x>.<y>.figure.json."""
    import re

    from masr.io.figure import Axis, Scatter
    from masr.io.figure_file import write_figure
    from masr.io.layout import FIGURE_SUFFIX

    names = tuple(row[args.name] for _, _, row in points) if args.name else ()
    groups = tuple(row[args.by] for _, _, row in points) if args.by else ()
    xs, ys = [x for x, _, _ in points], [y for _, y, _ in points]
    figure = Scatter(f"{args.y} against {args.x}", xs, ys, names, groups, Axis(args.x), Axis(args.y))  # type: ignore[arg-type]
    stem = re.sub(r"[^\w.-]+", "_", f"correlation.{args.x}.{args.y}")
    write_figure(args.out / f"{stem}{FIGURE_SUFFIX}", figure)
