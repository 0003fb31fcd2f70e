"""`masr cluster` as a function: targets for HuBERT, of features or of a trained model's layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from masr.api import load
from masr.config import Named
from masr.config import load as load_config
from masr.errors import UsageError
from masr.features import mfcc
from masr.inference.cluster import Clustered, FeatureFrames, LayerFrames, cluster, grid_of
from masr.io.datadir import DataDir
from masr.io.one_writer import writing
from masr.io.provenance import write_provenance
from masr.maths.kmeans import Config
from masr.plugins import build, open_plugin, resolve
from masr.training.config import TrainConfig

MFCC = "mfcc"


@dataclass(frozen=True)
class Options:
    """What is clustered; each is an option of `masr cluster`."""

    data: Path
    """To fit on."""
    out: Path
    also: Sequence[Path] = ()
    """To label as well."""
    features: str = MFCC
    """Or a model."""
    layer: int | None = None
    clusters: int = 100
    conf: Path | None = None
    """Configuration of the run that will be trained on the targets."""
    seed: int = 0
    bfloat16: bool | None = None
    """None: where the processor has AMX."""


def make_targets(options: Options) -> Clustered:
    """Fits, labels, and says how even the clusters are."""
    if options.clusters < 1:
        raise UsageError(f"--clusters {options.clusters} is no number of clusters", fix="give 1 or more")
    sample = max(100_000, 20 * options.clusters)
    config = Config(num_clusters=options.clusters, sample=sample, seed=options.seed, bfloat16=options.bfloat16)
    frames = _frames(options)
    data, others = DataDir.open(options.data), [DataDir.open(folder) for folder in options.also]
    grid = grid_of(_encoder(options.conf))
    facts = {"data": str(options.data), "features": options.features, "layer": options.layer}
    with writing(options.out, "cluster"):
        found = cluster(data, others, options.out, frames, grid, config)
        write_provenance(options.out, config, **facts)
    return Clustered(options.out, found)


def _frames(options: Options) -> FeatureFrames | LayerFrames:
    """What is clustered; MFCC are 39 numbers a frame: 13 coefficients with two orders of differences."""
    if options.features != MFCC:
        return LayerFrames(load(Path(options.features)), options.layer)
    if options.layer is not None:
        raise UsageError("--layer says nothing about mfcc", fix="name a model: --features MODEL --layer L")
    return FeatureFrames(build("features", Named(MFCC, mfcc.Config(deltas=2, use_energy=False))))


def _encoder(conf: Path | None) -> Any:
    """The encoder of the run, without memory for its weights."""
    config = load_config(TrainConfig, conf, resolve=resolve)
    restore = getattr(open_plugin("models", config.encoder.name), "restore", None)
    with torch.device("meta"):
        return build("models", config.encoder) if restore is None else restore(config.encoder.config)
