"""Pre-trainings side by side: the last validation of each and its nearest neighbours, with means over seeds.

RUN is the folder of one training, NAME/seedS, as stage 6 lays them out. Masked accuracy stands beside the share of the
commonest code, which is what guessing would get right. A mean carries half the width of its 95 % t interval over seeds,
and each seed's figure behind it; the figure of a single run carries its interval over resampled speakers.

example:
  masr score runs exp/pretrain/*/seed*
  masr score runs exp/pretrain/best_rq_tiny/seed0 --json exp/pretrain/best_rq_tiny/seed0/runs.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.scoring.runs import RunFigures


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr score runs`."""
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a training")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number of the last validations there")


def run(args: argparse.Namespace) -> None:
    """Reads and prints."""
    from rich.console import Console
    from rich.table import Table

    from masr.io.atomic import atomic_write
    from masr.scoring.runs import as_json, read_run

    found = [read_run(folder) for folder in args.runs]
    if args.json:
        atomic_write(args.json, json.dumps(as_json(found), indent=1) + "\n")
    table = Table(title="pre-training: validation, and the label of the nearest other speaker; shares in %")
    table.add_column("figure", overflow="fold")
    names = list(dict.fromkeys(one.name for one in found))
    models = [[one for one in found if one.name == name] for name in names]
    for name, runs in zip(names, models, strict=True):
        seeds = " ".join(one.seed for one in runs)
        table.add_column(f"{name}\nseed{'s' if len(runs) > 1 else ''} {seeds}", justify="right")
    table.add_row("steps", *(" ".join(sorted({str(one.steps) for one in runs})) for runs in models))
    for title in dict.fromkeys(title for one in found for title in one.figures):
        table.add_row(title, *(_cell(runs, title) for runs in models))
    Console().print(table)


def _cell(runs: list[RunFigures], title: str) -> str:
    """One run's figure with its interval, or several runs' mean and then each."""
    from masr.maths.over_seeds import mean_of

    figures = [one.figures[title] for one in runs if title in one.figures]
    if len(figures) > 1:
        each = ", ".join(figure.value_text(1) for figure in figures)
        return f"{mean_of([figure.value for figure in figures]).text(1)} ({each})"
    return figures[0].text(1) if figures else ""
