"""Write a page of plots of one experiment, or of several side by side.

FOLDER is what a verb wrote: the page shows the curves of metrics.jsonl, scores (*.json), a map of languages from
embeddings of masr extract, *.figure.json, the configuration and where it came from. A folder of runs stands for all of
them. The page is one HTML file that needs no network; a training that still runs may be looked at too. One FOLDER
gets report.html in it; several get it in the nearest folder that holds them all. What could not be drawn is named on
the page and on the screen. --first names figures that the page opens with: what `masr table show --format figure` and
`--out` of an analysis write. --pdf writes every figure of the page for a paper as well, NAME.pdf and NAME.png, as wide
as a column or as two, drawn by matplotlib.

example:
  masr report exp/best_rq_masr_tiny
  masr report exp/best_rq_tiny exp/best_rq_masr_tiny --out comparison.html
  masr report exp/best_rq_tiny exp/best_rq_masr_tiny --first exp/answer.figure.json --pdf exp/figures
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr report`."""
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="folder of a run, or of several runs")
    parser.add_argument(
        "--first", type=Path, action="append", default=[], metavar="FILE", help="figure the page opens with; repeatable"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in FOLDER")
    parser.add_argument(
        "--track", action="store_true", help="hand page and figures to the trackers of the run too; one FOLDER"
    )
    parser.add_argument("--pdf", type=Path, metavar="DIR", help="write the figures there as PDF and PNG too")


def run(args: argparse.Namespace) -> None:
    """Gathers, draws, writes."""
    import sys

    from masr.api.tracked_report import keep_report
    from masr.errors import UsageError
    from masr.io.atomic import atomic_write
    from masr.io.figure_file import read_figure
    from masr.report.contents import contents_of
    from masr.report.gather import gather
    from masr.report.page import render
    from masr.report.paper.files import require_matplotlib, write_plates

    if args.track and len(args.folders) > 1:
        raise UsageError("--track hands over the page of one run", fix="give one FOLDER")
    if args.pdf is not None:
        require_matplotlib()
    runs = gather(args.folders)
    out = _out(args)
    contents = contents_of(runs, [read_figure(path) for path in args.first])
    page = render(contents)
    atomic_write(out, page)
    for found in runs:
        for problem in found.problems:
            print(f"{found.folder}: left out: {problem}", file=sys.stderr)
    print(f"{out}: {len(runs)} run{'s' if len(runs) > 1 else ''}, {len(page.encode()) / 1e6:.1f} MB")
    if args.track:
        names = keep_report(args.folders[0], out, contents, lambda line: print(line, file=sys.stderr))
        print(f"{', '.join(names) or 'no tracker'} got the page of {args.folders[0]}")
    if args.pdf is not None:
        print(f"{args.pdf}: {len(write_plates(contents.plates(), args.pdf))} figures, each as PDF and PNG")


def _out(args: argparse.Namespace) -> Path:
    import os

    from masr.errors import UsageError
    from masr.io.layout import REPORT

    if args.out is None:
        if len(args.folders) == 1:
            return Path(args.folders[0]) / REPORT
        return Path(os.path.relpath(os.path.commonpath([folder.resolve() for folder in args.folders]))) / REPORT
    if args.out.is_dir():
        raise UsageError(f"--out {args.out} is a folder", fix=f"name a file: --out {args.out / REPORT}")
    return Path(args.out)
