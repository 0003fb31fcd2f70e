"""Frames as one of few symbols: the f of the unsupervised bound. k-means, mini-batch k-means, Gaussian mixtures.

All go through frames that stream by; memory holds the centres and one sample. k-means takes Lloyd's steps over all
frames, mini-batch k-means one pass, and a mixture with diagonal covariances starts from k-means.

Shapes: N frames of a piece, D their width, V clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from masr.errors import AnalysisError, DataError
from masr.maths.kmeans import Config, KMeans, fit

Method = Literal["kmeans", "minibatch", "mixture"]
METHODS: tuple[Method, ...] = ("kmeans", "minibatch", "mixture")
Pieces = Callable[[], Iterable[Tensor]]
"""Starts again from the first frame each time that it is called."""
_SAMPLE = 100_000
_LEAST_SHARE = 1e-3
"""A feature's least variance within a component, as a share of its variance over all frames."""


class Clusters(Protocol):
    """Turns frames into symbols."""

    def labels(self, frames: Tensor) -> Tensor:
        """(N, D) -> (N,) symbols from 0 to V - 1."""
        ...


@dataclass(frozen=True)
class Nearest:
    """A frame's symbol is the number of its nearest centre."""

    found: KMeans

    def labels(self, frames: Tensor) -> Tensor:
        """(N, D) -> (N,)."""
        return self.found.labels(frames)


class Mixture:
    """Gaussian components with a variance for each feature; a frame is of its most probable one."""

    def __init__(self, means: Tensor, variances: Tensor, weights: Tensor) -> None:
        self.means, self.variances, self.weights = means, variances, weights

    def scores(self, frames: Tensor) -> Tensor:
        """(N, V) log of weight times density, in float64."""
        x, precision = frames.double(), 1 / self.variances
        apart = x.square() @ precision.t() - 2 * x @ (self.means * precision).t()
        constant = (self.means.square() * precision).sum(dim=1) + self.variances.log().sum(dim=1)
        return self.weights.log() - 0.5 * (apart + constant)

    def labels(self, frames: Tensor) -> Tensor:
        """(N, D) -> (N,)."""
        return self.scores(frames).argmax(dim=1)


def fit_clusters(pieces: Pieces, num_clusters: int, method: Method, seed: int = 0, steps: int = 20) -> Clusters:
    """Clusters of the frames of `pieces`; the same for the same frames, order and seed."""
    if num_clusters < 2:
        raise AnalysisError(f"{num_clusters} clusters say nothing", fix="give 2 or more")
    config = Config(num_clusters=num_clusters, sample=max(_SAMPLE, 20 * num_clusters), seed=seed)
    try:
        found = fit(_Again(pieces), config)
    except DataError as error:
        raise AnalysisError(error.what, why=error.why, fix=error.fix) from None
    if method == "minibatch":
        return Nearest(found)
    _lloyd(found, pieces, steps)
    return Nearest(found) if method == "kmeans" else _mixture(found, pieces, steps)


@dataclass(frozen=True)
class _Again:
    pieces: Pieces

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.pieces())


def _lloyd(found: KMeans, pieces: Pieces, steps: int) -> None:
    """Takes Lloyd's steps over all frames, until their squared distances hardly fall."""
    before = float("inf")
    for _ in range(steps):
        sums = torch.zeros(found.centres.shape, dtype=torch.float64)
        counts = torch.zeros(len(found.centres), dtype=torch.float64)
        total = 0.0
        for piece in pieces():
            labels, distances = found.assign(piece)
            more, each = found.sums(piece, labels)
            sums, counts, total = sums + more, counts + each, total + float(distances.sum(dtype=torch.float64))
        means = (sums / counts.clamp(min=1)[:, None]).float()
        found.centres = torch.where(counts[:, None] > 0, means, found.centres)
        if total >= before * (1 - 1e-4):
            break
        before = total


def _mixture(start: KMeans, pieces: Pieces, steps: int) -> Mixture:
    """A mixture by expectation and maximisation; variances have a floor, so that none closes around one frame."""
    count, total, squares = 0, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for piece in pieces():
        x = piece.double()
        count, total, squares = count + len(x), total + x.sum(dim=0), squares + x.square().sum(dim=0)
    whole = (squares / count - (total / count).square()).clamp(min=1e-12)
    clusters = len(start.centres)
    found = Mixture(
        start.centres.double(), whole.repeat(clusters, 1), torch.full((clusters,), 1 / clusters, dtype=torch.float64)
    )
    hard = True
    before = -float("inf")
    for _ in range(steps):
        sums = _Sums.empty(found.means.shape)
        for piece in pieces():
            sums.add(piece.double(), found, start if hard else None)
        found = sums.maximised(found, whole)
        if not hard and sums.likelihood <= before + 1e-4 * count:
            break
        before, hard = (-float("inf") if hard else sums.likelihood), False
    return found


@dataclass
class _Sums:
    """The sums over all frames that one step of expectation gathers."""

    counts: Tensor
    sums: Tensor
    squares: Tensor
    likelihood: float = 0.0

    @classmethod
    def empty(cls, shape: torch.Size) -> _Sums:
        zeros = torch.zeros(shape, dtype=torch.float64)
        return cls(torch.zeros(shape[0], dtype=torch.float64), zeros, zeros.clone())

    def add(self, frames: Tensor, found: Mixture, hard: KMeans | None) -> None:
        """Adds (N, D) frames by their share in each component; in the first step all is the nearest centre's."""
        if hard is not None:
            shares = torch.nn.functional.one_hot(hard.assign(frames)[0], len(found.means)).double()
        else:
            scores = found.scores(frames)
            whole = scores.logsumexp(dim=1, keepdim=True)
            self.likelihood += float(whole.sum())
            shares = (scores - whole).exp()
        self.counts += shares.sum(dim=0)
        self.sums += shares.t() @ frames
        self.squares += shares.t() @ frames.square()

    def maximised(self, before: Mixture, whole: Tensor) -> Mixture:
        """The next mixture; components that no frame is of stay where they are."""
        alive = (self.counts > 1e-6)[:, None]
        safe = self.counts.clamp(min=1e-6)[:, None]
        means = torch.where(alive, self.sums / safe, before.means)
        variances = torch.where(alive, self.squares / safe - means.square(), before.variances)
        weights = self.counts.clamp(min=1e-6)
        return Mixture(means, torch.maximum(variances, _LEAST_SHARE * whole), weights / weights.sum())
