"""How well phones are told apart: ABX as ZeroSpeech has it, the error over triplets of phones.

X and A are the same phone, B is another, all three between the same phones (--context same) or anywhere (any), of one
speaker (within) or X of another than A and B (across). Sequences of frames are compared by dynamic time warping. Errors
are averaged over contexts, speakers and then pairs of phones; 50 % is chance. The interval is over drawn speakers.

FRAMES is a folder that `masr extract --pool none` wrote, MODEL:LAYER with --data, or a data directory with feature
archives. PHONES is a data directory with phones.ctm, or an item file of ZeroSpeech.

example:
  masr analyse phone-abx exp/frames/dev_clean data/dev_clean
  masr analyse phone-abx data/dev_clean data/dev_clean --context any --max-items 30
  masr analyse phone-abx exp/frames/dev_clean dev-clean.item --borders libri-light --max-items 10 --max-speakers 5
  masr analyse phone-abx exp/hubert:9 data/dev_clean --data data/dev_clean --speakers across --out exp/phone_abx
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse phone-abx`."""
    parser.add_argument("frames", metavar="FRAMES", help="folder, MODEL:LAYER, or data directory with archives")
    parser.add_argument("phones", type=Path, metavar="PHONES", help="data directory with phones.ctm, or item file")
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory that a model is run on")
    parser.add_argument("--speakers", choices=["within", "across", "both"], default="both", help="default both")
    parser.add_argument("--context", choices=["same", "any"], default="same", help="phones around (default same)")
    parser.add_argument(
        "--distance",
        choices=["angular", "cosine", "euclidean", "kl", "kl_symmetric"],
        default="angular",
        help="of frames (default angular)",
    )
    parser.add_argument("--span", choices=["phone", "triphone"], default="phone", help="of phones.ctm (default phone)")
    parser.add_argument(
        "--borders",
        choices=["middle", "fastabx", "libri-light"],
        default="middle",
        help="frames of a phone: by their middles (default), or as fastabx or Libri-Light takes them",
    )
    parser.add_argument("--merge-stress", action="store_true", help="AH0 and AH1 of phones.ctm are one phone")
    parser.add_argument("--max-items", type=int, metavar="N", help="of one phone, context and speaker; default: all")
    parser.add_argument("--max-speakers", type=int, metavar="N", help="X's of so many others (across); default: all")
    parser.add_argument("--rate", type=float, metavar="R", help="frames a second, where FRAMES does not say")
    parser.add_argument("--seed", type=seed, default=0, help="of what is drawn (default 0)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write tables and figures there")


def run(args: argparse.Namespace) -> None:
    """Finds the items, scores, prints."""
    from masr.analysis.abx.conditions import Options, check, compute
    from masr.analysis.abx.phone_report import as_json, show, write
    from masr.api.frames import open_sources
    from masr.io.json_file import write_json

    options = settings(Options, args)
    check(options)
    (frames,) = open_sources([args.frames], None if args.rate is None else [args.rate], args.data)
    found = compute(frames, options)
    if args.out:
        write(args.out, found, args.frames)
    if args.json:
        write_json(args.json, as_json(found, args.frames))
    if args.json != "-":
        show(found)
