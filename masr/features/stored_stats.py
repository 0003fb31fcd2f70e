"""The statistics that a run normalises its input by, as it keeps them beside its weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from masr.errors import CheckpointError
from masr.features.cmvn import Stats
from masr.io.layout import STATS
from masr.io.trained import open_trained
from masr.io.weights import read_weights, require_finite, write_weights

_NAME = "cmvn"


def write_stats(folder: Path, stats: Stats | Tensor) -> None:
    """stats.safetensors in the folder of a run."""
    write_weights(folder / STATS, {_NAME: torch.as_tensor(stats)})


def read_stats(run: Path) -> Tensor:
    """(2, F + 1) statistics of a run, or of the run that a checkpoint is of; CheckpointError where they are none."""
    path = open_trained(run).run / STATS
    if not path.is_file():
        raise CheckpointError(f"{path.parent}: has no {STATS}", fix="copy the whole folder of the run")
    found = read_weights([path], lambda name: name == _NAME)
    require_finite(path, found)
    stats = found.get(_NAME, torch.zeros(0))
    if not (stats.is_floating_point() and stats.dim() == 2 and stats.shape[0] == 2 and stats.shape[1] > 1):
        raise CheckpointError(
            f"{path}: holds no statistics, but {stats.dtype} of the shape {tuple(stats.shape)}",
            fix="copy the whole folder of the run",
        )
    if not bool(stats[0, -1] > 0):
        raise CheckpointError(f"{path}: holds statistics of no frame", fix="copy the whole folder of the run")
    return stats
