"""Bounds on mutual information: lines for people, JSON, a table, and curves for `masr report`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.analysis.information.bounds import Bound
    from masr.analysis.information.grid import GridRow
    from masr.io.figure import Axis, Curves

_MODEL = re.compile(r"(.+?)(?:@(\d+))?(?::(\d+))?")
"""The name of a model's layer: RUN@STEP:LAYER."""


def show(rows: Sequence[GridRow]) -> None:
    """Prints it."""
    print(render(rows))


def as_json(rows: Sequence[GridRow]) -> dict[str, object]:
    """Every bound."""
    return {"bounds": [row.as_json() for row in rows]}


def render(rows: Sequence[GridRow]) -> str:
    """A line for each bound."""
    from masr.analysis.information.grid import best

    lines = []
    for row in rows:
        of = "labels" if row.clusters is None else f"{row.clusters} clusters"
        if row.mask_share is not None:
            of = f"{100 * row.mask_share:g} % masked, {of}"
        lines += [f"{row.name}  {of}  {_line(one)}" for one in row.bounds]
        lines += [f"{row.name}  {of}  {name}: {value:.4f} nats" for name, value in row.estimates]
    if rows and rows[0].bounds:
        frames = rows[0].bounds[0]
        parts = rows[0].held_out
        lines.append(
            f"{frames.num_train} frames of {parts.num_train} to train on, {frames.num_test} of {parts.num_test} held "
            f"out, by {parts.by}"
        )
        if parts.left_out:
            lines.append(f"left out, as they are of one {parts.by} alone: {' '.join(parts.left_out)}")
    if len({row.name for row in rows}) > 1:
        lines.append(f"highest bound: {best(rows).name}")
    return "\n".join(lines)


def _line(one: Bound) -> str:
    return (
        f"{one.probe}: I >= {one.bound.text(4)} nats = {one.bound.value / math.log(2):.4f} bits, "
        f"{100 * one.share:.1f} % of H {one.entropy:.4f}, CE {one.cross_entropy:.4f}, ceiling {one.ceiling:.4f}"
    )


HEADER = (
    "representation\tmask_share\tclusters\tprobe\tentropy\tcross_entropy\tbound\tlow\thigh\tshare\tceiling\theld_out_by"
)


def write(folder: Path, rows: Sequence[GridRow]) -> None:
    """mutual_information.tsv and .figure.json, and what was run."""
    from masr.io.atomic import atomic_write
    from masr.io.figure_file import write_figure
    from masr.io.layout import FIGURE_SUFFIX
    from masr.io.provenance import write_provenance

    lines = [HEADER]
    for row in rows:
        for one in row.bounds:
            bound = one.bound
            figures = (one.entropy, one.cross_entropy, bound.value, bound.low, bound.high, one.share, one.ceiling)
            clusters = "" if row.clusters is None else str(row.clusters)
            share = "" if row.mask_share is None else f"{row.mask_share:g}"
            lines.append(
                "\t".join(
                    [
                        row.name,
                        share,
                        clusters,
                        one.probe,
                        *("" if value is None else f"{value:.6f}" for value in figures),
                        row.held_out.by,
                    ]
                )
            )
    atomic_write(folder / "mutual_information.tsv", "\n".join(lines) + "\n")
    write_figure(folder / f"mutual_information{FIGURE_SUFFIX}", figure(rows))
    write_provenance(folder)


def figure(rows: Sequence[GridRow]) -> Curves:
    """Curves of the bounds, one for each probe and number of clusters.

    The axis is the step or the layer where the representations differ by that alone, else the representation. Where
    there is only one representation, it is the share that was masked, or the number of clusters.
    """
    import numpy as np

    from masr.io.figure import Axis, Curve, Curves

    names = list(dict.fromkeys(row.name for row in rows))
    shares = {row.mask_share for row in rows}
    axis, along = _along(names) if len(names) > 1 else (Axis("clusters"), {})
    if len(names) == 1 and len(shares) > 1:
        axis = Axis("share of frames that are masked")
    points: dict[str, list[tuple[float, Bound]]] = {}
    for row in rows:
        run, place = along.get(row.name, ("", float(row.clusters or 0)))
        parts = [run, "" if axis.name == "clusters" or row.clusters is None else f"{row.clusters} clusters"]
        if len(shares) > 1 and row.mask_share is not None:
            if along:
                parts.append(f"{100 * row.mask_share:g} % masked")
            else:
                place = row.mask_share
        for one in row.bounds:
            points.setdefault(", ".join(filter(None, [one.probe, *parts])), []).append((place, one))
    curves = []
    for name, found in points.items():
        rows_of = [(place, one.bound.value, one.bound.low, one.bound.high) for place, one in found]
        x, y, low, high = np.array(rows_of, dtype=np.float64).T
        known = bool(np.isfinite(low).any())
        curves.append(Curve(name, x, y, low if known else None, high if known else None))
    return Curves("Mutual information, at least", tuple(curves), axis, Axis("bound", "nats"))


def _along(names: Sequence[str]) -> tuple[Axis, dict[str, tuple[str, float]]]:
    """The axis along which names differ, and for each name its curve and its place on that axis."""
    from masr.io.figure import Axis

    parts = {name: found.groups() for name in names if (found := _MODEL.fullmatch(name))}
    runs = {run for run, _, _ in parts.values()}
    for title, own, other in (("step", 1, 2), ("layer", 2, 1)):
        if all(part[own] for part in parts.values()) and len({part[other] for part in parts.values()}) == 1:
            places = {name: ("" if len(runs) == 1 else str(part[0]), float(part[own])) for name, part in parts.items()}
            return Axis(title), places
    return Axis("representation", ticks=tuple(names)), {name: ("", float(n)) for n, name in enumerate(names)}
