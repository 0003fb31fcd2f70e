"""What every linear measure of similarity needs: second moments of representations, gathered as frames stream by.

Memory holds D x E sums in float64 and one block of frames, however many frames there are. What is near the mean is
subtracted from each frame first, so that an offset of all frames costs no digits. Products within a block are float64
for canonical correlations, which divide by small variances; float32 or bfloat16 do for sums of squares of all of them.

Shapes: N frames, D width of one representation, E of another, B frames of a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from masr.errors import AnalysisError
from masr.maths.products import product
from masr.types import Float64Array, FloatArray

Precision = Literal["float64", "float32", "bfloat16"]
_SINGLE_EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the frames that two representations share, of products of centred features."""

    names: tuple[str, str]
    num_frames: int
    xx: Float64Array
    """(D, D)."""
    yy: Float64Array
    """(E, E)."""
    xy: Float64Array
    """(D, E)."""
    constant: tuple[tuple[int, ...], tuple[int, ...]]
    """Features of each that never move."""
    squares: tuple[float, float, float]
    """Sums over frames of |x|^2 |x|^2, |y|^2 |y|^2 and |x|^2 |y|^2, centred: unbiased estimates take them off."""

    def swapped(self) -> Moments:
        """The same sums with the two representations exchanged."""
        xx, yy, xy = self.squares
        return Moments(
            (self.names[1], self.names[0]),
            self.num_frames,
            self.yy,
            self.xx,
            self.xy.T,
            (self.constant[1], self.constant[0]),
            (yy, xx, xy),
        )


class Pivoted:
    """One representation: frames minus a fixed vector near their mean."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pivot: FloatArray | None = None
        self.total: Float64Array = np.zeros(0)

    def take(self, frames: FloatArray, precision: Precision) -> Block:
        """A block of (B, D) frames, prepared for products."""
        if self.pivot is None:
            self.pivot = frames.mean(axis=0, dtype=np.float64).astype(np.float32)
            self.total = np.zeros(frames.shape[1])
        moved: Any
        if precision == "float64":
            moved = frames.astype(np.float64)
            moved -= self.pivot
        else:
            moved = frames - self.pivot
        sums = moved.sum(axis=0, dtype=np.float64) if precision == "float64" else _ones(len(frames)) @ moved
        if not np.isfinite(sums).all():
            feature = int(np.flatnonzero(~np.isfinite(sums))[0])
            raise AnalysisError(f"{self.name}: feature {feature} has NaN or infinite values", fix="make it again")
        self.total += sums
        return Block(moved, np.einsum("ij,ij->i", moved, moved), precision)


class Block:
    """(B, D) frames near zero, and the square of the length of each."""

    def __init__(self, frames: Any, squares: Any, precision: Precision) -> None:
        self.frames, self.squares = frames, squares
        self.half = torch.from_numpy(frames).bfloat16() if precision == "bfloat16" else None

    def times(self, other: Block) -> Any:
        """(D, E) sums of products of features."""
        if self.half is not None and other.half is not None:
            return (self.half.t() @ other.half).float().numpy()
        if self is other or self.frames.dtype == np.float64:
            return self.frames.T @ other.frames  # with itself numpy does half of the work
        return product(torch.from_numpy(self.frames).t(), torch.from_numpy(other.frames).t()).numpy()


class Pair:
    """Sums over frames of two representations, or of one with itself."""

    def __init__(self) -> None:
        self.products: Float64Array | None = None
        self.squares = 0.0
        self.of_x: Any = 0.0
        self.of_y: Any = 0.0

    def add(self, x: Block, y: Block) -> None:
        """Takes in one block; vectors of sums allow to move the centre afterwards."""
        found = x.times(y)
        if self.products is None:
            self.products = np.zeros(found.shape)
        self.products += found
        self.squares += float(x.squares.astype(np.float64) @ y.squares)
        self.of_x = self.of_x + y.squares @ x.frames
        self.of_y = self.of_y + x.squares @ y.frames

    def centred(self, x: Centre, y: Centre) -> tuple[Float64Array, float]:
        """(D, E) sums of products and the sum of products of squared lengths, about the means."""
        assert self.products is not None
        n, far_x, far_y = x.num_frames, float(x.mean @ x.mean), float(y.mean @ y.mean)
        squares = self.squares - 2 * float(self.of_y @ y.mean) - 2 * float(self.of_x @ x.mean)
        squares += 4 * float(x.mean @ self.products @ y.mean) + far_y * x.squares + far_x * y.squares
        squares -= 3 * n * far_x * far_y
        return self.products - n * np.outer(x.mean, y.mean), squares


@dataclass(frozen=True, eq=False)
class Centre:
    """Where the mean is, seen from the pivot."""

    num_frames: int
    mean: Float64Array
    squares: float
    """The sum of squared lengths, from the pivot."""


def gather(
    blocks: Iterable[Sequence[FloatArray]], names: Sequence[str], pairs: Sequence[tuple[int, int]], precision: Precision
) -> list[Moments]:
    """Moments of each pair of the K representations whose frames the blocks hold; one pass."""
    parts = {k: Pivoted(names[k]) for pair in pairs for k in pair}
    sums = {pair: Pair() for pair in [*pairs, *((k, k) for k in parts)]}
    num_frames = 0
    for block in blocks:
        taken = {k: part.take(block[k], precision) for k, part in parts.items()}
        num_frames += len(block[0])
        for (i, j), pair in sums.items():
            pair.add(taken[i], taken[j])
    centres = {k: _centre(part, sums[k, k], num_frames) for k, part in parts.items()}
    own = {k: sums[k, k].centred(centres[k], centres[k]) for k in parts}
    constant = {k: _constant(parts[k], own[k][0], num_frames) for k in parts}
    found = []
    for i, j in pairs:
        xy, squares = sums[i, j].centred(centres[i], centres[j])
        found.append(
            Moments(
                (names[i], names[j]),
                num_frames,
                own[i][0],
                own[j][0],
                xy,
                (constant[i], constant[j]),
                (own[i][1], own[j][1], squares),
            )
        )
    return found


def _centre(part: Pivoted, own: Pair, num_frames: int) -> Centre:
    assert own.products is not None
    return Centre(num_frames, part.total / num_frames, float(np.trace(own.products)))


def _constant(part: Pivoted, own: Float64Array, num_frames: int) -> tuple[int, ...]:
    """Features that move by no more than the rounding of their value."""
    assert part.pivot is not None
    size = np.abs(part.pivot.astype(np.float64) + part.total / num_frames)
    still = np.sqrt(np.maximum(np.diag(own), 0) / num_frames) <= _SINGLE_EPSILON * size
    return tuple(int(k) for k in np.flatnonzero(still))


def _ones(count: int) -> FloatArray:
    return np.ones(count, dtype=np.float32)
