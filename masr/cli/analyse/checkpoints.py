"""Checkpoints of runs, step by step: the loss, bounds on mutual information, and what a probe reads.

RUN is the folder of a training that kept its checkpoints (training.keep_every). For each of them: the loss of its
validation, out of metrics.jsonl; with --data, how much its frames tell of the labels of DATA at least, and how much of
another view of the same speech, for which nobody has to label anything; with --probe, how often a linear probe of
frames names the phone. The other view is the unmasked pass beside the masked one for models that learn by masks, and
for others the cluster of the log-mel frame --future frames later.

Printed are a line for each checkpoint, Spearman's and Kendall's rank correlation of every two figures with 95 %
intervals over checkpoints, and the checkpoint that each figure would choose. --out writes checkpoints.tsv, curves over
steps and scatter plots for masr report and masr analyse picture.

example:
  masr analyse checkpoints exp/apc
  masr analyse checkpoints exp/apc exp/best_rq --data data/test_clean --out exp/checkpoints
  masr analyse checkpoints exp/apc --data data/test_clean --probe data/dev_other data/dev_clean data/test_clean
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed, settings, words


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse checkpoints`."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a training")
    parser.add_argument("--names", nargs="+", metavar="NAME", help="of the runs; commas part them too")
    parser.add_argument("--metric", default="loss", metavar="FIGURE", help="of the validation (default loss)")
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory for bounds on mutual information")
    parser.add_argument(
        "--labels", default="phones", metavar="KIND", help="of DATA: phones (default), lang, ... or none"
    )
    parser.add_argument(
        "--held-out-by",
        metavar="KIND",
        help="what is held out whole: utterance, or spk or another utt2KIND (default: spk where speakers are known)",
    )
    parser.add_argument(
        "--testable-only",
        action="store_true",
        help="leave out labels that one speaker (or utterance, ...) alone has, however many frames they have",
    )
    parser.add_argument("--clusters", type=int, default=50, metavar="V", help="of the other view (default 50)")
    parser.add_argument("--future", type=int, default=5, metavar="N", help="frames that log-mel is later (default 5)")
    parser.add_argument("--mask-share", type=float, metavar="S", help="of frames (default: as in the training)")
    parser.add_argument("--mask-span", type=int, metavar="N", help="frames hidden together (default: the same)")
    parser.add_argument(
        "--probe", nargs=3, type=Path, metavar=("TRAIN", "DEV", "TEST"), help="data directories with phones.ctm"
    )
    parser.add_argument("--layer", type=int, metavar="L", help="default: the last")
    parser.add_argument(
        "--frames", type=int, default=200_000, metavar="N", help="to learn from at most (default 200000)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="default 0")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a table and figures there")


def run(args: argparse.Namespace) -> None:
    """Looks at every checkpoint, prints, writes."""
    from masr.analysis.checkpoints import agreements, as_json, names_of, show, write
    from masr.api.checkpoints import Options, look
    from masr.io.json_file import write_json

    runs = zip(args.runs, names_of(args.runs, words(args.names)), strict=True)
    found = [one for folder, name in runs for one in look(settings(Options, args), folder, name)]
    ranked = agreements(found, args.seed)
    if args.out:
        write(args.out, found, args.runs)
    if args.json:
        write_json(args.json, as_json(found, ranked))
    if args.json != "-":
        show(found, ranked)
