"""A data directory of whole recordings, or of windows of them, out of DATA, whose utterances are segments.

What `masr analyse abx` compares are recordings with all that is in them, pauses too. With --window, an encoder sees
pieces of so many seconds, and memory does not grow with the length of a recording. Labels that all utterances of a
recording share are kept; utt2recording says which recording a window is of.

example:
  masr analyse recordings data/conditions exp/recordings/conditions --window 20
  masr features exp/recordings/conditions --conf conf/features.yaml
  masr extract exp/pretrain/best_rq_tiny exp/recordings/conditions exp/abx/conditions --pool none
  masr analyse abx exp/abx/conditions --out exp/abx/conditions
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse recordings`."""
    parser.add_argument("data", type=Path, metavar="DATA", help="data directory with segments, or of whole recordings")
    parser.add_argument("out", type=Path, metavar="OUT", help="data directory to write")
    parser.add_argument("--window", type=float, metavar="SEC", help="cut into windows; default: whole recordings")


def run(args: argparse.Namespace) -> None:
    """Reads, cuts, writes."""
    from masr.analysis.abx.recordings import recordings
    from masr.errors import UsageError
    from masr.io.datadir import DataDir, write_datadir
    from masr.io.layout import RECO2DUR, UTT2SPK
    from masr.io.provenance import write_provenance

    if args.out.resolve() == args.data.resolve():
        raise UsageError(f"{args.out} is DATA itself, whose tables would be lost", fix="name another folder for OUT")
    tables = recordings(DataDir.open(args.data), args.window)
    write_datadir(args.out, tables)
    write_provenance(args.out, data=str(args.data), window=args.window)
    print(f"{args.out}: {len(tables[RECO2DUR])} recordings, {len(tables[UTT2SPK])} utterances")
