"""How much representations tell of labels, or of another view of the same speech: bounds on mutual information.

Z is an array FILE.npy (frames x features), a folder that `masr extract --pool none` wrote, a data directory with
archives (log-mel), or, with --data, a model: RUN, RUN:LAYER, RUN@STEP for a checkpoint, RUN:all for all layers,
RUN@all for all checkpoints that it kept (training.keep_every). The last argument is Y: an array of whole numbers
(labels), frames of another view, or a data directory whose labels --labels names: phones (from phones.ctm), or a kind
of utt2KIND, as lang, channel or spk. A view is turned into symbols by k-means on its training frames. Whole speakers
are held out where they are known, else utterances (--held-out-by); probe and clusters never see them, and the interval
draws them. A label that one of them alone has cannot be tested: it is refused, or left out if it has
hardly a frame.

Several Z, as layers or checkpoints, give a curve. --views gives each Z a view of its own, as the unmasked pass beside
the masked one; --mask names an array that says which frames were masked. --future N pairs each frame with the one that
comes N later, for models that see the past. --masked asks models themselves: Z is each one's pass over speech of which
a part is hidden, as its training hid it, Y its unmasked pass, at the frames that were hidden; there is no Y to give.

example:
  masr analyse mutual-information Z.npy Y.npy
  masr analyse mutual-information exp/frames/1 exp/frames/2 data/test --labels phones --out exp/mutual_information
  masr analyse mutual-information exp/frames/1 data/test --labels lang --held-out-by spk --held-out 0.5
  masr analyse mutual-information masked.npy clean.npy --mask mask.npy --clusters 25 --clusters 50 --clusters 100
  masr analyse mutual-information exp/apc:3 data/test --data data/test --future 5 --estimate infonce
  masr analyse mutual-information exp/apc@all data/test --data data/test --labels phones --out exp/apc/bounds
  masr analyse mutual-information exp/mpc:all --data data/test --masked --mask-share 0.15 --mask-share 0.4 --clusters 25
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse mutual-information`."""
    parser.add_argument(
        "given", nargs="+", metavar="Z", help="representations, and Y as the last one; models alone with --masked"
    )
    parser.add_argument("--views", nargs="+", default=[], metavar="B", help="a view for each Z, in place of one Y")
    parser.add_argument("--labels", metavar="KIND", help="Y is a data directory: phones, lang, spk, ...")
    parser.add_argument(
        "--probe", action="append", choices=["logistic", "mlp"], help="may be given twice (default: both)"
    )
    parser.add_argument("--clusters", action="append", type=int, metavar="V", help="may be given again (default 50)")
    parser.add_argument(
        "--method", choices=["kmeans", "minibatch", "mixture"], default="kmeans", help="of clusters (default kmeans)"
    )
    parser.add_argument("--mask", type=Path, metavar="FILE.npy", help="only frames where it is not 0")
    parser.add_argument("--masked", action="store_true", help="Z are models: their masked beside their unmasked pass")
    parser.add_argument(
        "--mask-share",
        action="append",
        type=float,
        metavar="S",
        help="may be given again (default: as in its training)",
    )
    parser.add_argument(
        "--mask-span", type=int, metavar="N", help="frames hidden together (default: as in its training)"
    )
    parser.add_argument("--mask-seed", type=seed, default=0, help="of the places that are hidden (default 0)")
    parser.add_argument("--future", type=int, default=0, metavar="N", help="frames of Z that Y is later (default 0)")
    parser.add_argument(
        "--estimate",
        action="append",
        choices=["plug-in", "infonce", "mine"],
        default=[],
        help="beside the bounds; may be given again",
    )
    parser.add_argument("--rate", action="append", type=float, metavar="R", help="frames a second of each, in order")
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory that models are run on")
    parser.add_argument(
        "--held-out-by",
        metavar="KIND",
        help="what is held out whole: utterance, or spk or another utt2KIND (default: spk where speakers are known)",
    )
    parser.add_argument(
        "--held-out",
        type=float,
        metavar="SHARE",
        help="of the utterances, speakers, ... (default 0.2, and of less than 25 five, or half)",
    )
    parser.add_argument(
        "--testable-only",
        action="store_true",
        help="leave out labels that one speaker (or utterance, ...) alone has, however many frames they have",
    )
    parser.add_argument(
        "--frames", type=int, default=200_000, metavar="N", help="to train on at most, drawn (default 200000)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="default 0")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a table and a figure for masr report there")


def run(args: argparse.Namespace) -> None:
    """Opens, bounds, prints."""
    from masr.analysis.information.grid import GridSettings, run_tasks
    from masr.analysis.information.pairs import Limits
    from masr.analysis.information.report import as_json, show, write
    from masr.api.bounds import Pairing, tasks
    from masr.io.json_file import write_json

    chosen = GridSettings(
        tuple(dict.fromkeys(args.probe or ["logistic", "mlp"])),
        tuple(dict.fromkeys(args.clusters or [50])),
        args.method,
        tuple(dict.fromkeys(args.estimate)),
        Limits(args.frames, max(10, args.frames // 2), args.held_out, args.seed, args.testable_only),
    )
    rows = run_tasks(tasks(settings(Pairing, args)), chosen)
    if args.out:
        write(args.out, rows)
    if args.json:
        write_json(args.json, as_json(rows))
    if args.json != "-":
        show(rows)
