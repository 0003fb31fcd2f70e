"""Language identification, scored as the evaluations do: accuracy, F1, equal error rate, Cavg, Cllr, calibration.

FILE of --scores is a table (header `utt` and the languages, then a row of natural log-probabilities for each utterance)
or scores.npy with scores.utts and scores.languages beside it. Every figure has a 95 % interval over resampled speakers;
where speakers are not known, over utterances, and the output says so. docs/lid.md defines each figure.

Languages that the system does not have are reported apart, and are no part of any other figure.

example:
  masr score lid --ref data/test --scores exp/lid/test/scores.tsv --json exp/lid/test/lid.json
  masr score lid --ref data/test --scores a.tsv --against b.tsv --by group --by gender --durations data/test
  masr score lid --ref data/test/utt2lang --scores scores.npy --seen data/pretrain --figures exp/lid/test
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr score lid`."""
    parser.add_argument(
        "--ref", type=Path, required=True, metavar="TABLE", help="utt2lang, or the data directory it is in"
    )
    parser.add_argument("--scores", type=Path, required=True, metavar="FILE", help="scores.tsv or scores.npy")
    parser.add_argument("--against", type=Path, metavar="FILE", help="a second system's scores, for paired tests")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="write figures there for masr report to draw")
    parser.add_argument(
        "--by", action="append", default=[], metavar="KIND", help="figures by group: a kind, or a table utt2KIND"
    )
    parser.add_argument("--durations", type=Path, metavar="TABLE", help="figures by length: utt2dur, or its directory")
    parser.add_argument("--buckets", default="3,10,30", metavar="SEC,SEC", help="ends of the lengths (default 3,10,30)")
    parser.add_argument(
        "--seen", metavar="WHICH", help="languages of pre-training: a data directory, a list's file, or a,b,c"
    )
    parser.add_argument(
        "--speakers", type=Path, metavar="TABLE", help="utt2spk, or its directory (default: beside the reference)"
    )
    parser.add_argument("--codes", type=Path, metavar="DIR", help="codes of stage 3 to compare languages by")
    parser.add_argument("--top", type=int, default=5, metavar="K", help="right among the K likeliest (default 5)")
    parser.add_argument("--other", metavar="NAME", help="column that stands for every language without its own")
    parser.add_argument("--normalise", action="store_true", help="make each row probabilities first, by log-softmax")
    parser.add_argument("--partial", action="store_true", help="score what is there though utterances lack scores")
    parser.add_argument("--seed", type=seed, default=0, metavar="S", help="of the resampling (default 0)")


def run(args: argparse.Namespace) -> None:
    """Reads, scores, prints, writes."""
    from masr.io.json_file import write_json
    from masr.scoring.lid.record import as_json, write_figures
    from masr.scoring.lid.report import show
    from masr.scoring.lid.score import Options, compute

    found = compute(settings(Options, args))
    result = as_json(found)
    show(result, found)
    if args.json:
        write_json(args.json, result, indent=1)
    if args.figures:
        write_figures(args.figures, found)
