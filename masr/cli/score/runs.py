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
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr score runs`."""
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a training")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number of the last validations there")


def run(args: argparse.Namespace) -> None:
    """Reads and prints."""
    from masr.io.json_file import write_json
    from masr.scoring.runs import as_json, read_run, render

    found = [read_run(folder) for folder in args.runs]
    if args.json:
        write_json(args.json, as_json(found), indent=1)
    print(render(found))
