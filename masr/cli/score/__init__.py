"""Score what a model left on disk. WHAT says how; `masr score WHAT --help` says more.

example:
  masr score lid --ref data/test --scores exp/lid/test/scores.tsv --by group --json exp/lid/test/lid.json
  masr score wer --ref data/test --hyp exp/ctc/test/text --against exp/other/test/text --by condition
  masr score neighbours exp/best_rq_masr_tiny/train exp/best_rq_masr_tiny/test --kind lang --apart bos,slk
  masr score runs exp/pretrain/*/seed*
"""

from __future__ import annotations

import argparse
import importlib

KINDS = {
    "lid": "language identification: accuracy, EER, Cavg, Cllr, calibration, confusion",
    "neighbours": "accuracy of the nearest other speaker",
    "wer": "speech recognition: word and character error rate, two systems compared",
    "runs": "pre-trainings side by side, and means over seeds",
}
"""Each WHAT is the file masr/cli/score/<what>.py."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr score`, those of each WHAT in its own file."""
    what = parser.add_subparsers(metavar="WHAT", required=True)
    for name, title in KINDS.items():
        module = importlib.import_module(f"masr.cli.score.{name}")
        part = what.add_parser(
            name, help=title, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.configure(part)
        part.set_defaults(score=module.run)


def run(args: argparse.Namespace) -> None:
    """Hands over to the file of WHAT."""
    args.score(args)
