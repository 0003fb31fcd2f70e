"""The similarity of chosen pairs of representations, out of a matrix: their mean, the smallest, the largest.

MATRIX is a table of `masr analyse similarity --out` (.tsv), or one that a paper prints (.csv): names above and beside
it. PAIR is FIRST:SECOND, in either order, where * stands for any text; pairs that fit several are taken once, and
nothing is paired with itself. Where both directions differ, their mean counts. With several matrices, each is printed.

example:
  masr analyse pairs exp/similarity/similarity.linear_cka.tsv --pairs 'apc-*:apc-*' 'cpc-*:cpc-*'
  masr analyse pairs paper.csv ours.tsv --pairs 'apc-*:cpc-*' --json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import words


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse pairs`."""
    parser.add_argument("matrices", type=Path, nargs="+", metavar="MATRIX", help="names above and beside it")
    parser.add_argument("--pairs", nargs="+", required=True, metavar="PAIR", help="FIRST:SECOND; commas part them too")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")


def run(args: argparse.Namespace) -> None:
    """Reads, picks, prints."""
    from masr.analysis.similarity.pairs import as_json, compute, show
    from masr.io.json_file import write_json

    found = compute(args.matrices, words(args.pairs))
    if args.json:
        write_json(args.json, as_json(found))
    if args.json != "-":
        show(found)
