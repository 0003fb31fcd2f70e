"""What representations hold. WHAT says how to look; `masr analyse WHAT --help` says more.

example:
  masr analyse similarity A.npy B.npy --measure linear_cka
  masr analyse mutual-information Z.npy Y.npy
  masr analyse probe exp/run/train --dev exp/run/dev --test exp/run/test --kind lang
  masr analyse abx A.npy B.npy
"""

from __future__ import annotations

import argparse
import importlib

KINDS = {
    "similarity": "how alike representations are: CKA, CCA, SVCCA, PWCCA, Procrustes, neurons",
    "mutual-information": "how much a representation tells of labels, or of another view",
    "abx": "how close recordings are: ABX over snippets",
    "phone-abx": "how well phones are told apart: ABX as ZeroSpeech has it",
    "segments": "segments without labels as items of phone-abx: borders where speech changes, clusters",
    "recordings": "a data directory of whole recordings, or of windows of them, for abx",
    "probe": "what simple classifiers read from frozen vectors and frames, layer by layer",
    "confusions": "how often near languages are taken for each other, before and after a change",
    "checkpoints": "loss, bounds and a probe over the checkpoints of runs, and which of them rise together",
    "picture": "figures of any analysis side by side in one picture",
    "pairs": "the similarity of chosen pairs, out of a matrix",
    "heatmaps": "matrices side by side in one picture",
    "collect": "one table out of the figures of many runs, for correlation",
    "correlation": "whether two figures rise together over models or checkpoints",
}
"""Each WHAT is the file masr/cli/analyse/<what>.py."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse`, those of each WHAT in its own file."""
    what = parser.add_subparsers(metavar="WHAT", required=True)
    for name, title in KINDS.items():
        module = importlib.import_module(f"masr.cli.analyse.{name.replace('-', '_')}")
        part = what.add_parser(
            name, help=title, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.configure(part)
        part.set_defaults(analyse=module.run)


def run(args: argparse.Namespace) -> None:
    """Hands over to the file of WHAT."""
    args.analyse(args)
