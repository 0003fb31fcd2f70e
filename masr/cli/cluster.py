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
from typing import Any


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
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--bfloat16", action="store_true", help="products in bfloat16: faster, the same clusters")


def run(args: argparse.Namespace) -> None:
    """Fits, labels, says how even the clusters are."""
    import numpy as np

    from masr.api import load
    from masr.errors import UsageError
    from masr.inference.cluster import FeatureFrames, LayerFrames, cluster, grid_of
    from masr.io.datadir import DataDir
    from masr.io.provenance import write_provenance
    from masr.maths.kmeans import Config

    if args.clusters < 1:
        raise UsageError(f"--clusters {args.clusters} is no number of clusters", fix="give 1 or more")
    frames: Any
    if args.features == "mfcc":
        if args.layer is not None:
            raise UsageError("--layer says nothing about mfcc", fix="name a model: --features MODEL --layer L")
        frames = FeatureFrames(_hubert_mfcc())
    else:
        frames = LayerFrames(load(Path(args.features)), args.layer)
    sample = max(100_000, 20 * args.clusters)
    config = Config(num_clusters=args.clusters, sample=sample, seed=args.seed, bfloat16=args.bfloat16)
    data, others = DataDir.open(args.data), [DataDir.open(folder) for folder in args.also]
    counts = cluster(data, others, args.out, frames, grid_of(_encoder(args.conf)), config)
    write_provenance(args.out, config, data=str(args.data), features=args.features, layer=args.layer)
    shares = counts[counts > 0] / counts.sum()
    perplexity = float(np.exp(-(shares * np.log(shares)).sum()))
    print(f"{args.out}: {counts.sum()} frames, {len(shares)} of {len(counts)} clusters, perplexity {perplexity:.1f}")


def _hubert_mfcc() -> Any:
    """39 numbers a frame: 13 coefficients with two orders of differences."""
    from masr.config import Named
    from masr.features.mfcc import Config
    from masr.plugins import build

    return build("features", Named("mfcc", Config(deltas=2, use_energy=False)))


def _encoder(conf: Path | None) -> Any:
    """The encoder of the run, without memory for its weights."""
    import torch

    from masr.config import load, loads
    from masr.plugins import build, open_plugin, resolve
    from masr.training.config import TrainConfig

    config = load(TrainConfig, conf, resolve=resolve) if conf else loads(TrainConfig, "", "the defaults", (), resolve)
    restore = getattr(open_plugin("models", config.encoder.name), "restore", None)
    with torch.device("meta"):
        return build("models", config.encoder) if restore is None else restore(config.encoder.config)
