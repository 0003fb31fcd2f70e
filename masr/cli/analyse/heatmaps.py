"""Matrices of representations side by side in one picture (SVG): ours beside a paper's.

Each --panel is a title and its MATRIX, a table with names above and beside it (.tsv of `masr analyse similarity --out`,
or .csv); of several, as of several seeds, the mean is drawn. All panels share one scale of colours.

example:
  masr analyse heatmaps exp/beside.svg --panel ours exp/similarity/similarity.linear_cka.tsv --panel paper paper.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse heatmaps`."""
    parser.add_argument("out", type=Path, metavar="OUT.svg", help="picture to write")
    parser.add_argument("--panel", nargs="+", action="append", required=True, metavar="WORD", help="title, matrices")
    parser.add_argument("--title", default="", help="above all panels")


def run(args: argparse.Namespace) -> None:
    """Reads, draws, writes."""
    from masr.io.atomic import atomic_write
    from masr.report.panels import read_panels
    from masr.report.picture import draw_charts

    panels = read_panels(args.panel)
    atomic_write(args.out, draw_charts(panels, args.title))
    print(f"{args.out}: {len(panels)} panels")
