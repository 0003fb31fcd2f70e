"""One table out of the JSON files of many runs: a row for each run, what `masr analyse correlation` reads.

Each --column is a NAME, the keys on the way to its figure, and a FILE for each run, in the order of --names. Keys stand
with points between them, and numbers count places in a list: bounds.0.bound. A key that holds a point itself cannot be
reached. Of a .jsonl file, the last line that has them counts. A * among the keys stands for every place of a list, or
every key, in order: one FILE then has the figures of all rows, as of all layers of a model.

example:
  masr analyse collect exp/runs.tsv --names apc cpc --column accuracy share exp/{apc,cpc}/probe.json
  masr analyse collect exp/layers.tsv --names 0,1,2,3 --column bound 'bounds.*.bounds.0.bound' exp/bounds.json
  masr analyse correlation exp/runs.tsv --x loss --y accuracy
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import words


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse collect`."""
    parser.add_argument("out", type=Path, metavar="OUT.tsv", help="table to write")
    parser.add_argument("--names", nargs="+", required=True, metavar="RUN", help="of the rows; commas part them too")
    parser.add_argument(
        "--column", nargs="+", action="append", required=True, metavar="WORD", help="NAME KEYS FILE FILE ..."
    )


def run(args: argparse.Namespace) -> None:
    """Reads, writes."""
    from masr.analysis.collect import collect, write

    names = words(args.names)
    columns = collect(names, args.column)
    write(args.out, names, columns)
    print(f"{args.out}: {len(names)} rows, columns {', '.join(columns)}")
