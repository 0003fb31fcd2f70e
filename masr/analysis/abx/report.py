"""ABX of recordings: a table and matrices for people, JSON, and matrices with their trees for `masr report`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.io.screen import draw

if TYPE_CHECKING:
    from rich.table import Table

    from masr.analysis.abx.series import SeriesScores
    from masr.maths.estimate import Estimate

_MOST_SHOWN = 12
"""Recordings whose matrix fits on a screen."""


def show(found: Sequence[SeriesScores]) -> None:
    """Prints it."""
    print(render(found))


def render(found: Sequence[SeriesScores]) -> str:
    """A line for each series and length, then the matrix of each series at the length that tells it apart best."""
    parts = [draw(_summary(found))]
    for one in _best(found):
        if len(one.found.names) <= _MOST_SHOWN:
            parts += _matrix(one)
    for one in found:
        if one.left_out:
            parts.append(f"{one.series} {length_name(one.length_sec)}: no full snippet in {', '.join(one.left_out)}")
    return "\n".join(parts)


def _summary(found: Sequence[SeriesScores]) -> Table:
    from rich.table import Table

    several = _several(found)
    table = Table("series", "snippets", *(["pooling"] if several else []))
    for name in ("recordings", "of snippets", "triplets", "score", "95 % interval", *_splits(found)):
        table.add_column(name, justify="right")
    for one in found:
        counts = one.found.num_snippets
        table.add_row(
            one.series or "-",
            length_name(one.length_sec),
            *([one.pool] if several else []),
            str(len(counts)),
            f"{counts.min()}-{counts.max()}",
            f"{int(one.found.num_triplets.sum()):,}",
            one.mean.value_text(3),
            one.mean.interval_text(3) or "-",
            *(one.split[name].text(3) if name in one.split else "-" for name in _splits(found)),
        )
    return table


def _several(found: Sequence[SeriesScores]) -> bool:
    """Whether frames were pooled in more than one way, so that names have to say in which."""
    return len({one.pool for one in found}) > 1


def length_name(length_sec: float) -> str:
    """What a length of snippets is called in names of files: `10s`, or `whole`."""
    return f"{length_sec:g}s" if math.isfinite(length_sec) else "whole"


def _splits(found: Sequence[SeriesScores]) -> list[str]:
    return list(dict.fromkeys(name for one in found for name in one.split))


def _best(found: Sequence[SeriesScores]) -> list[SeriesScores]:
    best: dict[str, SeriesScores] = {}
    for one in found:
        if one.series not in best or one.mean.value > best[one.series].mean.value:
            best[one.series] = one
    return list(best.values())


def _matrix(one: SeriesScores) -> list[str]:
    """The matrix of scores as lines, in the tree's order; columns are numbered, so that long names break no line."""
    names = one.found.names
    width = max(map(len, names))
    title = (
        f"{one.series + ', ' if one.series else ''}{length_name(one.length_sec)}, {one.pool}: A and X of the row, B of "
        "the column"
    )
    lines = ["", title, " " * (width + 6) + "".join(f"{k + 1:>7}" for k in range(len(names)))]
    for k, i in enumerate(one.order):
        values = ("      -" if i == j else f"{one.found.scores[i, j]:>7.3f}" for j in one.order)
        lines.append(f"  {k + 1:>2}  {names[i]:<{width}}" + "".join(values))
    return lines


def as_json(found: Sequence[SeriesScores], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure of every series and length, as plain values; `by_series` where frames were pooled in one way."""
    parts = [
        {
            "series": one.series,
            "pool": one.pool,
            "snippet_sec": one.length_sec if math.isfinite(one.length_sec) else "whole",
            "recordings": list(one.found.names),
            "num_snippets": one.found.num_snippets.tolist(),
            "scores": one.found.scores.tolist(),
            "both_directions": one.found.both.tolist(),
            "num_triplets": one.found.num_triplets.tolist(),
            "mean": _mean(one.mean),
            "split": {name: _mean(mean) for name, mean in one.split.items()},
            "dendrogram": [one.found.names[k] for k in one.order],
            "merges": one.tree,
            "left_out": list(one.left_out),
        }
        for one in found
    ]
    by_pool: dict[str, dict[str, dict[str, Any]]] = {}
    for one, part in zip(found, parts, strict=True):
        named = by_pool.setdefault(one.pool, {}).setdefault(one.series or "all", {})
        named[length_name(one.length_sec)] = {"mean": part["mean"], "split": part["split"]}
    alone = {} if _several(found) else {"by_series": by_pool[found[0].pool]}
    return {**facts, "series": parts, **alone, "by_pool": by_pool}


def _mean(mean: Estimate) -> dict[str, Any]:
    return mean.as_json(count="num_pairs")


def write(folder: Path, found: Sequence[SeriesScores], facts: Mapping[str, Any]) -> None:
    """abx.json, and for each series and length abx.<series>.<length>.tsv and .figure.json.

    Where frames were pooled in several ways the name of each stands behind the length.
    """
    import numpy as np

    from masr.io.atomic import atomic_write
    from masr.io.figure import Heatmap
    from masr.io.figure_file import write_figure
    from masr.io.json_file import write_json
    from masr.io.layout import FIGURE_SUFFIX
    from masr.io.provenance import write_provenance

    for one in found:
        pool = one.pool if _several(found) else ""
        stem = ".".join(filter(None, ("abx", one.series, length_name(one.length_sec).replace(".", "_"), pool)))
        atomic_write(folder / f"{stem}.tsv", _table(one))
        names = one.found.names
        figure = Heatmap(
            f"ABX, {one.series + ', ' if one.series else ''}snippets of {length_name(one.length_sec)}"
            + (f", {pool}" if pool else ""),
            one.found.scores,
            names,
            names,
            low=min(0.5, float(np.nanmin(one.found.scores))),
            high=1.0,
            row_tree=one.tree,
            column_tree=one.tree,
            note=f"A and X of the row, B of the column; mean {one.mean.value_text(3)}; 0.5 is chance",
        )
        write_figure(folder / f"{stem}{FIGURE_SUFFIX}", figure)
    write_json(str(folder / "abx.json"), as_json(found, facts))
    write_provenance(folder, **facts)


def _table(one: SeriesScores) -> str:
    """The text of the TSV file: a line for each ordered pair of recordings."""
    lines = ["first\tsecond\tscore\tboth_directions\ttriplets\tsnippets_first\tsnippets_second"]
    scores = one.found
    for i in range(len(scores.names)):
        for j in range(len(scores.names)):
            if i != j:
                figures = f"{scores.scores[i, j]:.6f}\t{scores.both[i, j]:.6f}\t{scores.num_triplets[i, j]}"
                counts = f"{scores.num_snippets[i]}\t{scores.num_snippets[j]}"
                lines.append(f"{scores.names[i]}\t{scores.names[j]}\t{figures}\t{counts}")
    return "\n".join(lines) + "\n"
