"""Line charts and scatter plots of any analysis side by side in one picture (SVG).

Each --panel is a title and a FIGURE, NAME.figure.json as --out of a verb writes it. Of several, as of several seeds,
curves are drawn as their mean with a band from the least to the largest, and the points of scatter plots all together.

example:
  masr analyse picture exp/curves.svg --panel "bound, no labels" exp/checkpoints/checkpoints.view.figure.json
  masr analyse picture exp/ranks.svg --panel loss exp/seed{0,1,2}/checkpoints.loss.accuracy.figure.json
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse picture`."""
    parser.add_argument("out", type=Path, metavar="OUT.svg", help="picture to write")
    parser.add_argument("--panel", nargs="+", action="append", required=True, metavar="WORD", help="title, figures")
    parser.add_argument("--title", default="", help="above all panels")


def run(args: argparse.Namespace) -> None:
    """Reads, draws, writes."""
    from masr.io.atomic import atomic_write
    from masr.report.picture import draw_charts, read_charts

    charts = read_charts(args.panel)
    atomic_write(args.out, draw_charts(charts, args.title))
    print(f"{args.out}: {len(charts)} panels")
