"""How often the nearest utterance of another speaker in TRAIN has the label of an utterance in TEST.

And how often the nearest label's mean has; by cosine, with 95 % intervals over resampled speakers. Nothing is trained.
Both folders come from `masr extract`; --apart gives figures of some labels by themselves, say of unseen languages.

example:
  masr score neighbours exp/best_rq_masr_tiny/train exp/best_rq_masr_tiny/test --kind lang --apart bos,slk
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed, words


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr score neighbours`."""
    parser.add_argument("train", type=Path, metavar="TRAIN", help="folder of embeddings to be compared with")
    parser.add_argument("test", type=Path, metavar="TEST", help="folder of embeddings to label")
    parser.add_argument("--kind", default="lang", help="the labels are in utt2<kind> (default lang)")
    parser.add_argument(
        "--scale",
        choices=["none", "centre", "standard"],
        default="none",
        help="per dimension: take off the mean of TRAIN, or divide by its deviation as well (default none)",
    )
    parser.add_argument("--apart", default="", metavar="LABEL,LABEL", help="labels to score by themselves as well")
    parser.add_argument("--seed", type=seed, default=0, help="of the resampling (default 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def run(args: argparse.Namespace) -> None:
    """Reads, scores, prints."""
    from masr.io.json_file import write_json
    from masr.scoring.neighbours import compute, render

    scores, num_unlabelled = compute(
        args.train, args.test, args.kind, args.scale, frozenset(words([args.apart])), args.seed
    )
    print(render(scores, args.kind, num_unlabelled))
    if args.json:
        write_json(args.json, scores)
