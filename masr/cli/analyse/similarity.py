"""How alike two representations of the same speech are: linear and RBF CKA, CCA, SVCCA, PWCCA, Procrustes, neurons.

A representation is an array FILE.npy (frames x features), a folder that `masr extract --pool none` wrote, a data
directory with feature archives (log-mel), or, with --data, MODEL:LAYER, which streams from a trained encoder. Two give
one figure, more a matrix of all pairs; --against compares all of the first with all of the second, as layers of two
models. Frames are matched by time. Memory does not grow with the number of frames.

example:
  masr analyse similarity A.npy B.npy --measure linear_cka --json
  masr analyse similarity a.npy b.npy --rate 100 --rate 50 --measure svcca --measure pwcca
  masr analyse similarity exp/apc/test exp/cpc/test exp/mpc/test --measure linear_cka --out exp/similarity
  masr analyse similarity exp/apc:1 exp/apc:2 --against exp/cpc:1 exp/cpc:2 --data data/test --out exp/layers
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from masr.analysis.similarity.compare import Similarity
    from masr.io.frames import Frames

MEASURES = (
    "linear_cka",
    "linear_cka_unbiased",
    "rbf_cka",
    "rbf_cka_unbiased",
    "cca",
    "svcca",
    "pwcca",
    "procrustes",
    "neuron",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse similarity`."""
    parser.add_argument("rows", nargs="+", metavar="A", help="array, folder, or MODEL:LAYER")
    parser.add_argument("--against", nargs="+", metavar="B", default=[], help="what the columns of the matrix are")
    parser.add_argument(
        "--measure", action="append", choices=MEASURES, help="may be given again (default linear_cka)", metavar="NAME"
    )
    parser.add_argument(
        "--rate", action="append", type=float, metavar="R", help="frames a second of each, or one for all, in order"
    )
    parser.add_argument(
        "--names", nargs="+", metavar="NAME", help="of each, in place of its path; commas part them too"
    )
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory that models are run on")
    parser.add_argument("--drop-constant", action="store_true", help="leave out features that never move")
    parser.add_argument(
        "--precision", choices=["float32", "float64", "bfloat16"], help="of CKA's products (default float32)"
    )
    parser.add_argument("--sample", type=int, default=10_000, metavar="N", help="frames of RBF kernels (default 10000)")
    parser.add_argument(
        "--width", type=float, default=0.5, metavar="W", help="of RBF kernels, in median distances (default 0.5)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default 0)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write tables (.tsv) and figures for masr report there")


def run(args: argparse.Namespace) -> None:
    """Opens, compares, prints."""
    from masr.analysis.aligned import Aligned
    from masr.analysis.similarity.compare import Options, compare
    from masr.cli.analyse.source import open_sources

    given = [*args.rows, *args.against]
    if len(given) < 2:
        from masr.errors import UsageError

        raise UsageError("there is nothing to compare with", fix="give two representations or more")
    parts = open_sources(given, args.rate, args.data)
    name_parts(parts, args.names)
    aligned = Aligned(parts)
    options = Options(args.precision, args.drop_constant, args.sample, args.width, args.seed)
    num_rows = len(args.rows) if args.against else len(given)
    found = compare(aligned, num_rows, args.measure or ["linear_cka"], options)
    if args.out:
        write(args.out, found)
    if args.json:
        from masr.io.json_file import write_json

        write_json(args.json, as_json(found, aligned.num_left_out))
    if args.json != "-":
        print(report(found, aligned.num_left_out))


def name_parts(parts: Sequence[Frames], names: Sequence[str] | None) -> None:
    """Gives each the name that figures and tables show."""
    given = [part.strip() for text in names or () for part in text.split(",") if part.strip()]
    if names and (len(given) != len(parts) or len(set(given)) < len(given)):
        from masr.errors import UsageError

        raise UsageError(f"{len(given)} names for {len(parts)} representations", fix="give each a name of its own")
    for part, name in zip(parts, given):
        part.name = name


def report(found: Sequence[Similarity], num_left_out: int) -> str:
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
    from masr.io.atomic import atomic_write
    from masr.io.figure import Heatmap
    from masr.io.figure_file import write_figure
    from masr.io.layout import FIGURE_SUFFIX
    from masr.io.provenance import write_provenance

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
