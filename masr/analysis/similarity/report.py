"""How alike representations are: lines for people, JSON, tables, and matrices for `masr report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from masr.analysis.similarity.compare import Similarity
from masr.io.atomic import atomic_write
from masr.io.figure import Heatmap
from masr.io.figure_file import write_figure
from masr.io.layout import FIGURE_SUFFIX
from masr.io.provenance import write_provenance


def show(found: Sequence[Similarity], num_left_out: int) -> None:
    """Prints it."""
    print(render(found, num_left_out))


def render(found: Sequence[Similarity], num_left_out: int) -> str:
    """A line, or a small matrix, for each measure."""
    lines: list[str] = []
    for one in found:
        if len(one.rows) == 2 and one.rows == one.columns:
            there, back = one.values[0, 1], one.values[1, 0]
            text = f"{there:.4f}" if there == back else f"{there:.4f}  (the other way {back:.4f})"
            lines.append(f"{one.measure}  {text}  of {one.num_frames} frames")
            continue
        lines += [f"{one.measure}, {one.num_frames} frames", *_matrix(one)]
        for row, (largest, smallest) in one.over_others().items():
            lines.append(f"  {row}: over the others at most {largest:.4f}, at least {smallest:.4f}")
    if num_left_out:
        lines.append(f"{num_left_out} utterances left out, which not all have")
    return "\n".join(lines)


def _matrix(one: Similarity) -> list[str]:
    """Columns are numbered, so that long names do not break lines."""
    width = max(len(name) for name in one.rows)
    lines = [] if one.rows == one.columns else [f"  column {k + 1}: {name}" for k, name in enumerate(one.columns)]
    lines.append("  " + " " * (width + 4) + "".join(f"{k + 1:>7}" for k in range(len(one.columns))))
    for k, (name, values) in enumerate(zip(one.rows, one.values)):
        lines.append(f"  {k + 1:>2}  {name:<{width}}" + "".join(f"{value:>7.3f}" for value in values))
    return lines


def as_json(found: Sequence[Similarity], num_left_out: int) -> dict[str, Any]:
    """Every figure; a pair has its value by itself as well."""
    measures: dict[str, Any] = {}
    for one in found:
        entry: dict[str, Any] = {
            "num_frames": one.num_frames,
            "rows": list(one.rows),
            "columns": list(one.columns),
            "values": one.values.tolist(),
        }
        if len(one.rows) == 2 and one.rows == one.columns:
            entry = {"value": float(one.values[0, 1]), **entry}
        if one.features:
            entry["features"] = {
                row: {name: values.tolist() for name, values in columns.items()}
                for row, columns in one.features.items()
            }
        measures[one.measure] = entry
    return {"measures": measures, "utterances_left_out": num_left_out}


def write(folder: Path, found: Sequence[Similarity]) -> None:
    """similarity.<measure>.tsv and .figure.json for each measure, and what was run."""
    for one in found:
        lines = ["\t".join(["model", *one.columns])]
        lines += ["\t".join([name, *(f"{v:.6f}" for v in values)]) for name, values in zip(one.rows, one.values)]
        atomic_write(folder / f"similarity.{one.measure}.tsv", "\n".join(lines) + "\n")
        figure = Heatmap(
            f"Similarity: {one.title}",
            one.values,
            one.rows,
            one.columns,
            low=min(0.0, float(one.values.min())),
            high=1.0,
            note=f"{one.num_frames} frames",
        )
        write_figure(folder / f"similarity.{one.measure}{FIGURE_SUFFIX}", figure)
    write_provenance(folder)
