"""k-means, CKA and ABX on the device beside masr's own on the CPU: the same figures, and how long both take.

k-means is masr's own on both. CKA and ABX are what their formulas say, as masr computes them on CPUs alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gpu_check.clock import settled
from gpu_check.sizes import Size
from masr.analysis.abx.closeness import closeness
from masr.analysis.aligned import Aligned
from masr.analysis.similarity.compare import Options, compare
from masr.io.frames import ArrayFrames
from masr.maths.kmeans import Config, KMeans, first_centres


def check(device: torch.device, size: Size, scratch: Path) -> dict[str, Any]:  # noqa: ARG001
    """By analysis: seconds on the CPU and on the device, and how far their figures are apart."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(size.rows, size.width, generator=generator)
    y = x @ torch.randn(size.width, size.width, generator=generator) / size.width**0.5
    y += torch.randn(y.shape, generator=generator)
    config = Config(num_clusters=size.clusters, sample=size.rows, sample_steps=5, passes=0)
    centres = first_centres(x[: 20 * size.clusters], size.clusters, 0)
    two = torch.randn(2, size.snippets, size.width, generator=generator)
    two[1] += 0.2
    return {
        "analyses": {
            "k-means": _beside(lambda at: _labels(x.to(at), centres.to(at), config), device, _share_apart),
            "linear CKA": _beside(
                lambda at: _cka(x.to(at), y.to(at)) if at.type == "cuda" else _own_cka(x, y), device, _most_apart
            ),
            "ABX": _beside(lambda at: _abx(two.to(at)) if at.type == "cuda" else _own_abx(two), device, _most_apart),
        }
    }


def _beside(
    work: Callable[[torch.device], Tensor], device: torch.device, apart: Callable[[Tensor, Tensor], float]
) -> dict[str, float]:
    here, here_sec = _timed(work, torch.device("cpu"))
    work(device)  # a first time costs what is loaded
    there, there_sec = _timed(work, device)
    return {"cpu_sec": here_sec, "device_sec": there_sec, "apart": apart(here, there)}


def _timed(work: Callable[[torch.device], Tensor], device: torch.device) -> tuple[Tensor, float]:
    settled(device)
    started = time.perf_counter()
    found = work(device).cpu()
    return found, time.perf_counter() - started


def _share_apart(one: Tensor, other: Tensor) -> float:
    return float((one != other).double().mean())


def _most_apart(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).abs().max())


def _labels(frames: Tensor, centres: Tensor, config: Config) -> Tensor:
    found = KMeans(centres)
    found.settle(frames, config.sample_steps)
    return found.labels(frames)


def _own_cka(x: Tensor, y: Tensor) -> Tensor:
    aligned = Aligned([ArrayFrames("x", x.numpy()), ArrayFrames("y", y.numpy())])
    return torch.tensor([compare(aligned, 2, ["linear_cka"], Options())[0].values[0, 1]])


def _cka(x: Tensor, y: Tensor) -> Tensor:
    x, y = x - x.mean(dim=0), y - y.mean(dim=0)
    cross, own_x, own_y = x.t() @ y, x.t() @ x, y.t() @ y
    found: Tensor = cross.double().square().sum() / own_x.double().norm() / own_y.double().norm()
    return found[None]


def _own_abx(two: Tensor) -> Tensor:
    scores = closeness(list(two.numpy())).scores
    return torch.from_numpy(np.array([scores[0, 1], scores[1, 0]]))


def _abx(two: Tensor) -> Tensor:
    """The share of triplets a, x of one recording and b of the other in which x is nearer to a, both ways."""
    units = functional.normalize(two, dim=2)
    return torch.stack([_closer(units[0], units[1]), _closer(units[1], units[0])])


def _closer(own: Tensor, other: Tensor) -> Tensor:
    near, far = own @ own.t(), (own @ other.t()).sort(dim=1).values
    # for each pair, how many of the other recording are farther: below its cosine, and half of what equals it
    below = torch.searchsorted(far, near.contiguous())
    up_to = torch.searchsorted(far, near.contiguous(), right=True)
    right = (below + up_to).double() / 2
    right.fill_diagonal_(0)
    return right.sum() / (len(own) * (len(own) - 1) * len(other))
