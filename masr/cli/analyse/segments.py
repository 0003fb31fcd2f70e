"""Segments of speech without labels, as items of phone ABX: borders where frames change, clusters in place of phones.

FRAMES is a folder that `masr extract --pool none` wrote, MODEL:LAYER with --data, or a data directory with feature
archives. OUT/segments.item has a line for each segment, with the cluster of its mean frame in the place of the phone:
`masr analyse phone-abx` takes it. Where the data directory is aligned, borders are compared with those of phones.ctm.

example:
  masr analyse segments data/dev_clean exp/segments/dev_clean --clusters 50
  masr analyse phone-abx exp/hubert:9 exp/segments/dev_clean/segments.item --data data/dev_clean --context any
  masr analyse phone-abx exp/hubert:9 data/dev_clean --data data/dev_clean --context any      # beside it, with labels
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse segments`."""
    parser.add_argument("frames", metavar="FRAMES", help="folder, MODEL:LAYER, or data directory with archives")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory that a model is run on")
    parser.add_argument("--clusters", type=int, default=50, metavar="V", help="kinds of segments (default 50)")
    side = "speech on either side of a border that is compared (default 0.02)"
    parser.add_argument("--side-sec", type=float, default=0.02, metavar="SEC", help=side)
    prominence = "least height of a peak above its valleys, in deviations of the utterance's curve (default 0.3)"
    parser.add_argument("--prominence", type=float, default=0.3, metavar="P", help=prominence)
    parser.add_argument("--least-sec", type=float, default=0.03, metavar="SEC", help="shortest segment (default 0.03)")
    parser.add_argument("--rate", type=float, metavar="R", help="frames a second, where FRAMES does not say")
    parser.add_argument("--seed", type=seed, default=0, help="of the clusters (default 0)")


def run(args: argparse.Namespace) -> None:
    """Cuts, clusters, writes."""
    from masr.analysis.abx.boundaries import Detector
    from masr.analysis.abx.recordings import folder_of
    from masr.analysis.abx.segments import render, segments_of, write
    from masr.api.frames import open_sources
    from masr.errors import UsageError
    from masr.io.datadir import DataDir

    folder = folder_of(args.frames, args.data)
    if folder is None:
        raise UsageError(f"{args.frames} does not say who speaks", fix="give a folder, or a model with --data")
    detector = Detector(args.side_sec, args.prominence, args.least_sec)
    (frames,) = open_sources([args.frames], None if args.rate is None else [args.rate], args.data)
    found = segments_of(frames, DataDir.open(folder), detector, args.clusters, args.seed)
    facts = {"frames": args.frames, "clusters": args.clusters, "seed": args.seed, **vars(detector)}
    write(args.out, found, facts)
    print(render(found))
