"""Frames of any model, as analyses read them: feature archives, a layer of an encoder as it runs, what it hides.

Shapes: N frames, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.types import IntArray

if TYPE_CHECKING:
    from masr.inference.load import Model
    from masr.inference.masked import MaskedPass
    from masr.io.frames import Array, Frames, Grid

FEATURE_SHIFT_SEC, FEATURE_START_SEC = 0.01, 0.0125
"""Feature frames are 25 ms long, 10 ms apart, and lie whole in the utterance."""
_MOST_KEPT_BYTES = 1 << 29


class ArchiveFrames:
    """Feature archives of a data directory: log-mel as stage 2 made it."""

    def __init__(self, folder: Path) -> None:
        from masr.data.dataset import frames_of
        from masr.io.ark import read_shape
        from masr.io.datadir import DataDir
        from masr.io.frames import Grid
        from masr.io.layout import FEATS_SCP

        data = DataDir.open(folder)
        self.name, self.table = str(folder), data.table(FEATS_SCP)
        self.utts: Sequence[str] | None = data.utts
        self.counts: IntArray = frames_of(data)
        self.dim = int(read_shape(self.table[data.utts[0]])[1])
        self.grid: Grid | None = Grid(FEATURE_SHIFT_SEC, FEATURE_START_SEC)

    def read(self, place: int) -> Array:
        """(N, D) of one utterance."""
        from masr.io.ark import read_matrix

        assert self.utts is not None
        return read_matrix(self.table[self.utts[place]])


def seconds_of(encoder: Any) -> Grid:
    """When the frames of an encoder are."""
    from masr.inference.cluster import grid_of
    from masr.io.frames import Grid

    grid = grid_of(encoder)
    return Grid(grid.factor * FEATURE_SHIFT_SEC, grid.offset * FEATURE_SHIFT_SEC + FEATURE_START_SEC)


class EncoderFrames:
    """One layer of a trained encoder over a data directory; each utterance is encoded when it is read."""

    def __init__(self, name: str, model: Model, layer: int | None, data: Any, masked: MaskedPass | None = None) -> None:
        """With `masked`, the encoder hears speech of which a part is hidden."""
        from masr.inference.cluster import LayerFrames, grid_of

        self.name, self.data, self.masked = name, data, masked
        self.frames = LayerFrames(model, layer)
        self.dim: int = model.dim
        self.utts: Sequence[str] | None = data.utts
        self.counts: IntArray = grid_of(model.encoder).num_encoded(data)
        self.grid: Grid | None = seconds_of(model.encoder)

    def read(self, place: int) -> Array:
        """(N, D) of one utterance."""
        embed = None
        if self.masked is not None:
            embed = partial(self.masked.embed, self.frames.model.encoder, utts=[self.data.utts[place]])
        found: Array = self.frames.read(self.data, place, embed).cpu().numpy()
        return found


class HiddenFrames:
    """1 where a masked pass hides a frame, 0 elsewhere."""

    def __init__(self, like: EncoderFrames, masked: MaskedPass) -> None:
        self.name, self.dim, self.masked = f"{like.name} masked", 1, masked
        self.utts, self.counts, self.grid = like.utts, like.counts, like.grid

    def read(self, place: int) -> Array:
        """(N, 1) bytes, 1 where a frame of the utterance is hidden."""
        assert self.utts is not None
        found: Array = self.masked.masks([self.utts[place]], self.counts[place : place + 1])
        return found[:, None].view("u1")


class KeptFrames:
    """Frames that are read more than once, and are expensive: as many as fit half a GiB stay in memory."""

    def __init__(self, frames: Frames) -> None:
        self.frames, self.name, self.dim = frames, frames.name, frames.dim
        self.utts, self.counts, self.grid = frames.utts, frames.counts, frames.grid
        self.held: dict[int, Array] = {}
        self.num_bytes = 0

    def read(self, place: int) -> Array:
        """(N, D) of one utterance."""
        if place in self.held:
            return self.held[place]
        found = self.frames.read(place)
        if self.num_bytes + found.nbytes <= _MOST_KEPT_BYTES:
            self.held[place] = found
            self.num_bytes += found.nbytes
        return found
