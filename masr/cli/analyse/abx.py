"""How close recordings are: ABX over snippets, for every ordered pair of recordings.

A and X are snippets of one recording and B of another: the score is how often X lies closer to A than to B, 0.5 where
the two cannot be told apart. Frames are pooled over each snippet. All triplets count. The mean over pairs has an
interval over drawn recordings where there are three or more.

SOURCE is a folder that `masr extract --pool none` wrote, MODEL:LAYER with --data, a data directory with feature
archives (log-mel), or arrays FILE.npy, each a recording: of snippets, or of frames where --rate says how many a second.
Utterances are of one recording where utt2recording, or `segments`, says so (see `masr analyse recordings`). Series,
from utt2series, are compared apart. --out writes for each series and length a table (.tsv) and a matrix with its tree
for `masr report` (.figure.json), and all of it as abx.json.

example:
  masr analyse abx A.npy B.npy
  masr analyse abx a.npy b.npy c.npy --rate 50 --snippets 1,5
  masr analyse abx exp/frames/conditions --out exp/abx/conditions
  masr analyse abx exp/frames/styles --snippets 1,5,20,30,60 --pool max --pool mean --pool statistics
  masr analyse abx models/xlsr:21 --data exp/recordings/styles --pairs genre --snippets 10
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse abx`."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folder, MODEL:LAYER, or arrays")
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory that a model is run on")
    parser.add_argument("--snippets", metavar="SEC,SEC", help="lengths; `whole` for utterances (default 1,5,10,20)")
    parser.add_argument("--by", metavar="KIND", help="recordings are the labels of utt2<KIND> instead")
    parser.add_argument("--series", metavar="KIND", help="compared apart: labels of utt2<KIND> (default series)")
    parser.add_argument("--pairs", metavar="KIND,KIND", default="", help="means of pairs that share utt2<KIND>, or not")
    parser.add_argument(
        "--pool",
        action="append",
        choices=["max", "mean", "statistics", "extremes", "soft_max"],
        help="of frames into a vector, may be given again (default max); statistics: mean and deviation; extremes: "
        "maximum and minimum; soft_max: log of the mean of exp",
    )
    parser.add_argument("--distance", choices=["cosine", "euclidean"], default="cosine", help="default cosine")
    parser.add_argument("--rate", action="append", type=float, metavar="R", help="frames a second of arrays")
    parser.add_argument("--seed", type=seed, default=0, help="of the drawn recordings (default 0)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write tables and figures there")


def run(args: argparse.Namespace) -> None:
    """Cuts, scores, prints."""
    from masr.analysis.abx.groups import Options
    from masr.analysis.abx.report import as_json, show, write
    from masr.api.abx import score
    from masr.io.json_file import write_json

    options = settings(Options, args)
    found = score(args.sources, args.rate, args.data, options)
    facts = {"pool": options.pools, "distance": args.distance, "sources": args.sources}
    if args.out:
        write(args.out, found, facts)
    if args.json:
        write_json(args.json, as_json(found, facts))
    if args.json != "-":
        show(found)
