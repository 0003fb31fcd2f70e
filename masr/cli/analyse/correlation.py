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
from pathlib import Path

from masr.cli.options import seed, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse correlation`."""
    parser.add_argument("table", type=Path, metavar="TABLE.tsv", help="with a header")
    parser.add_argument("--x", required=True, metavar="COLUMN", help="first figure")
    parser.add_argument("--y", required=True, metavar="COLUMN", help="second figure")
    parser.add_argument("--by", metavar="COLUMN", help="groups of rows, each by itself as well")
    parser.add_argument("--name", metavar="COLUMN", help="names of the points in the plot")
    parser.add_argument("--seed", type=seed, default=0, help="default 0")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a scatter plot for masr report there")


def run(args: argparse.Namespace) -> None:
    """Reads, correlates, prints."""
    from masr.analysis.columns import Options, as_json, compute, show, write
    from masr.io.json_file import write_json

    found = compute(settings(Options, args))
    if args.out:
        write(args.out, found)
    if args.json:
        write_json(args.json, as_json(found))
    if args.json != "-":
        show(found)
