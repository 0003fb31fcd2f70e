"""Cluster frames by k-means, and write the cluster of every frame of an encoder that is to be trained on them.

That is what `objective: {name: hubert}` predicts: the run's configuration then says `targets: OUT`. The first time
around the frames are MFCC; later they may be a layer of a model that was trained before. Clusters are fitted on DATA
alone; further directories (dev) get their labels with --also. --conf names the run that will use the targets: they
come in its encoder's rate.

example:
  masr cluster data/pretrain exp/clusters --also data/dev --conf conf/pretrain/hubert_tiny.yaml
  masr cluster data/pretrain exp/clusters.2 --also data/dev --features exp/hubert_tiny --layer 2 --clusters 500
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr cluster`."""
    parser.add_argument("data", type=Path, metavar="DATA", help="data directory to fit on")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--also", type=Path, metavar="DIR", action="append", default=[], help="label this one as well")
    parser.add_argument(
        "--features", default="mfcc", metavar="mfcc|MODEL", help="mfcc, or a run, or what transformers wrote"
    )
    parser.add_argument("--layer", type=int, metavar="L", help="of the model; default: its last")
    parser.add_argument("--clusters", type=int, default=100, metavar="V", help="how many (default 100)")
    parser.add_argument("--conf", type=Path, metavar="CONF", help="run that will be trained on the targets")
    parser.add_argument("--seed", type=seed, default=0, help="default 0")
    parser.add_argument(
        "--bfloat16",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="products in bfloat16, close calls again in float32: the same labels (default: where there is AMX)",
    )


def run(args: argparse.Namespace) -> None:
    """Fits, labels, says how even the clusters are."""
    from masr.api.cluster import Options, make_targets
    from masr.inference.cluster import render

    print(render(make_targets(settings(Options, args))))
