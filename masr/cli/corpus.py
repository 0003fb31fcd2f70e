"""Stage 0: check a corpus that you downloaded, or build the embedded one.

SOURCE is the folder of a downloaded corpus, which is checked against its real layout and left as it is; or the word
`mini` (about one hour) or `large` (as many hours as --hours says), which has eSpeak NG speak a corpus of the same
layout into OUT; fleurs has `medium` too (about five hours, of words beside numbers). A corpus that lies there already
from the same configuration is kept; from another, it is replaced.

example:
  masr corpus fleurs mini egs/fleurs/corpus/mini
  masr corpus fleurs medium egs/fleurs/corpus/medium
  masr corpus dhwani large /data/dhwani_100h --hours 100 --nj 16
  masr corpus fleurs /data/fleurs
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed
from masr.jobs.machine import num_cores


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr corpus`."""
    parser.add_argument("name", help="fleurs, dhwani, librispeech or pangloss; to check, any file of masr/corpora")
    parser.add_argument("source", help="folder of a downloaded corpus, or: mini, large, medium (fleurs)")
    parser.add_argument("out", nargs="?", type=Path, help="where the embedded corpus goes")
    parser.add_argument("--hours", type=float, help="hours of speech; large needs it")
    parser.add_argument("--seed", type=seed, help="another seed gives other speakers and sentences (default 0)")
    parser.add_argument("--nj", type=int, default=num_cores(), help="processes that build (default: all cores)")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key of its Config")


def run(args: argparse.Namespace) -> None:
    """Builds, or checks."""
    from masr.api.corpus import Options, build_or_check

    print(build_or_check(Options(args.name, args.source, args.out, args.hours, args.seed, args.nj, args.set)))
