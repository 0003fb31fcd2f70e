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
from pathlib import Path

from masr.cli.options import seed, words

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
    parser.add_argument("--seed", type=seed, default=0, help="of the sample (default 0)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write tables (.tsv) and figures for masr report there")


def run(args: argparse.Namespace) -> None:
    """Opens, compares, prints."""
    from masr.analysis.aligned import Aligned
    from masr.analysis.similarity.compare import Options, compare
    from masr.analysis.similarity.report import as_json, show, write
    from masr.api.frames import open_sources
    from masr.errors import UsageError
    from masr.io.json_file import write_json

    given = [*args.rows, *args.against]
    if len(given) < 2:
        raise UsageError("there is nothing to compare with", fix="give two representations or more")
    aligned = Aligned(open_sources(given, args.rate, args.data, words(args.names) if args.names else None))
    options = Options(args.precision, args.drop_constant, args.sample, args.width, args.seed)
    num_rows = len(args.rows) if args.against else len(given)
    found = compare(aligned, num_rows, args.measure or ["linear_cka"], options)
    if args.out:
        write(args.out, found)
    if args.json:
        write_json(args.json, as_json(found, aligned.num_left_out))
    if args.json != "-":
        show(found, aligned.num_left_out)
