"""k-means over frames that stream by: memory holds the centres and one sample, however much speech there is.

Centres begin by k-means++ on the sample and settle on it (Lloyd's steps); then every frame of the data moves its
nearest centre by a share that falls with the frames the centre has had (Sculley's mini-batches). A centre that no
frame comes to is put where the sample is described worst.

Shapes: N frames of a piece, D their width, V clusters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from masr.config import option, seed_option
from masr.errors import DataError
from masr.maths.nearest import Nearest

_SUM_ROWS = 512
"""Frames of a block, which stays in a core's cache in float64."""
_SUM_ROWS_ELSEWHERE = 1 << 15
"""The same on a GPU."""


@dataclass(frozen=True)
class Config:
    """How k-means runs."""

    num_clusters: int = option(100, "clusters: 100 on MFCC, 500 on a layer of an earlier model")
    sample: int = option(100_000, "frames held for the start; the most memory that is used")
    sample_steps: int = option(20, "Lloyd's steps on the sample, at most")
    passes: int = option(1, "times that all frames stream by")
    seed: int = seed_option("of the sample and of the first centres")
    bfloat16: bool | None = option(
        None, "products in bfloat16, close calls again in float32: the same labels; null: where the processor has AMX"
    )

    def __post_init__(self) -> None:
        if self.num_clusters < 1 or self.sample < self.num_clusters or self.sample_steps < 0 or self.passes < 0:
            raise ValueError("num_clusters is at least 1, sample at least num_clusters, and no count negative")


class Sample:
    """A uniform sample of fixed size of all frames that were offered, whatever pieces they came in."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seen = size, 0
        self.generator = torch.Generator().manual_seed(seed)
        self.rows = torch.empty(0, 0)
        self.ranks = torch.empty(0, dtype=torch.float64)

    def offer(self, frames: Tensor) -> None:
        """(N, D): each frame draws a number, and those with the smallest stay."""
        draws = torch.rand(len(frames), generator=self.generator, dtype=torch.float64)
        limit = float(self.ranks.max()) if len(self.ranks) == self.size else 2.0
        chosen = draws < limit
        self.seen += len(frames)
        if not bool(chosen.any()):
            return
        rows, ranks = frames[chosen].float().cpu(), draws[chosen]
        if len(self.rows):
            rows, ranks = torch.cat([self.rows, rows]), torch.cat([self.ranks, ranks])
        if len(ranks) > self.size:
            keep = ranks.argsort()[: self.size].sort().values
            rows, ranks = rows[keep], ranks[keep]
        self.rows, self.ranks = rows, ranks


class KMeans:
    """Centres, and how many frames each has had."""

    def __init__(self, centres: Tensor, halves: bool | None = False) -> None:
        """`halves` as Nearest takes it."""
        self.centres = centres
        self.halves = halves
        self.counts = torch.zeros(len(centres), dtype=torch.float64, device=centres.device)

    def labels(self, frames: Tensor) -> Tensor:
        """(N, D) -> (N,) the nearest centre of each frame; ties go to the lower number."""
        return Nearest(self.centres, self.halves)(frames)[0]

    def assign(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(N, D) -> (N,) the nearest centre of each frame, (N,) its squared distance."""
        nearest = Nearest(self.centres, self.halves)
        labels, scores = nearest(frames)
        if scores is None:
            return labels, self.distances(frames, labels)
        squares = torch.empty(len(frames), device=frames.device)
        for start in range(0, len(frames), _SUM_ROWS):
            rows = slice(start, start + _SUM_ROWS)
            torch.linalg.vector_norm(frames[rows].float() - nearest.middle, dim=1, out=squares[rows])
        return labels, squares.square_().add_(scores).clamp_(min=0)

    def distances(self, frames: Tensor, labels: Tensor) -> Tensor:
        """(N, D), (N,) -> (N,) squared distances of frames to the centres that they have."""
        found = torch.empty(len(frames), device=frames.device)
        for start in range(0, len(frames), _SUM_ROWS):
            rows = slice(start, start + _SUM_ROWS)
            torch.linalg.vector_norm(self.centres[labels[rows]].sub_(frames[rows]), dim=1, out=found[rows])
        return found.square_()

    def settle(self, frames: Tensor, steps: int) -> None:
        """Lloyd's steps on frames that are all there, until nothing moves."""
        before: Tensor | None = None
        for _ in range(steps):
            labels = self.labels(frames)
            if before is not None and torch.equal(labels, before):
                break
            before = labels
            sums, counts = self.sums(frames, labels)
            empty = counts == 0
            distances = self.distances(frames, labels) if bool(empty.any()) else None
            self.centres = torch.where(
                empty[:, None], self.centres.double(), sums / counts.clamp(min=1)[:, None]
            ).float()
            if distances is not None:
                self.refill(empty, frames, distances)
                before = None

    def update(self, frames: Tensor) -> Tensor:
        """Moves each centre to the mean of all its frames so far, those of this piece too; mean squared distance."""
        labels, distances = self.assign(frames)
        sums, counts = self.sums(frames, labels)
        self.counts += counts
        gain = (sums - counts[:, None] * self.centres) / self.counts.clamp(min=1)[:, None]
        self.centres = (self.centres + gain).float()
        return distances.mean()

    def sums(self, frames: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(V, D) sums of each cluster's frames in float64, (V,) how many they are."""
        sums = torch.zeros(self.centres.shape, dtype=torch.float64, device=self.centres.device)
        counts = torch.zeros(len(self.centres), dtype=torch.float64, device=self.centres.device)
        step = _SUM_ROWS if frames.is_cpu else _SUM_ROWS_ELSEWHERE
        for start in range(0, len(frames), step):
            rows = slice(start, start + step)
            if frames.is_cpu:
                sums.index_add_(0, labels[rows], frames[rows].double())
                counts += torch.bincount(labels[rows], minlength=len(counts))
            else:  # a product adds in the same order every time, which a GPU's index_add_ does not
                members = functional.one_hot(labels[rows], len(counts)).double()
                sums += members.t() @ frames[rows].double()
                counts += members.sum(dim=0)
        return sums, counts

    def refill(self, empty: Tensor, frames: Tensor, distances: Tensor) -> int:
        """Puts each empty cluster on one of the frames farthest from their centres; how many clusters moved."""
        places = empty.nonzero()[:, 0]
        if len(places):
            farthest = distances.topk(min(len(places), len(distances))).indices
            self.centres[places[: len(farthest)]] = frames[farthest].float()
            self.counts[places] = 0
        return len(places)


def fit(pieces: Iterable[Tensor], config: Config, device: torch.device | str = "cpu") -> KMeans:
    """Centres of (N, D) pieces that can be gone through again and again, found and left on a device.

    They are the same for the same pieces and seed on the same make of device.
    """
    sample = Sample(config.sample, config.seed)
    for piece in pieces:
        sample.offer(piece)
    distinct = len(torch.unique(sample.rows, dim=0)) if sample.seen <= 2 * config.num_clusters else sample.seen
    if distinct < config.num_clusters:
        raise DataError(
            f"{distinct} different frames cannot give {config.num_clusters} clusters",
            fix="ask for fewer clusters, or give more data",
        )
    rows = sample.rows.to(device)
    found = KMeans(first_centres(rows, config.num_clusters, config.seed), config.bfloat16)
    found.settle(rows, config.sample_steps)
    for _ in range(config.passes):
        found.counts.zero_()
        for piece in pieces:
            found.update(piece.float().to(device))
        found.refill(found.counts == 0, rows, found.assign(rows)[1])
    return found


def first_centres(frames: Tensor, count: int, seed: int) -> Tensor:
    """k-means++: each next centre is a frame, drawn in proportion to its squared distance from those before."""
    generator = torch.Generator().manual_seed(seed + 1)
    first = int(torch.randint(len(frames), (1,), generator=generator))
    chosen = [frames[first]]
    nearest = _squares(frames, chosen[0])
    for _ in range(count - 1):
        total = nearest.cpu().cumsum(dim=0)  # the order of a GPU's sums may differ from one time to the next
        draw = torch.rand((), generator=generator, dtype=torch.float64) * total[-1]
        place = min(int(torch.searchsorted(total, draw, right=True)), len(frames) - 1)
        chosen.append(frames[place])
        nearest = torch.minimum(nearest, _squares(frames, chosen[-1]))
    return torch.stack(chosen)


def _squares(frames: Tensor, centre: Tensor) -> Tensor:
    """(N, D), (D,) -> (N,) squared distances; differences of a block at a time, not a second copy of all frames."""
    found = torch.empty(len(frames), dtype=torch.float64, device=frames.device)
    step = _SUM_ROWS if frames.is_cpu else _SUM_ROWS_ELSEWHERE
    for start in range(0, len(frames), step):
        rows = slice(start, start + step)
        found[rows] = (frames[rows] - centre).square().sum(dim=1)
    return found
