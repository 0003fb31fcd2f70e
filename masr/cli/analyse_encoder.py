"""Trained encoders as sources of frames: RUN, RUN@STEP for a checkpoint, RUN:LAYER, RUN@STEP:LAYER; their masked pass.

In place of RUN, the folder of a checkpoint that transformers wrote will do.

`all` in place of a step or a layer stands for every one of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.errors import CheckpointError, DataError, UsageError

if TYPE_CHECKING:
    from masr.analysis.frames import Array, Frames, IntArray
    from masr.inference.load import Model
    from masr.inference.masked import MaskedPass

FEATURE_SHIFT_SEC, FEATURE_START_SEC = 0.01, 0.0125
"""Feature frames are 25 ms long, 10 ms apart, and lie whole in the utterance."""
_ALL, _LAYER = "all", re.compile(r"(.+):(\d{1,9}|all)")
_MOST_KEPT_BYTES = 1 << 29


@dataclass(frozen=True)
class ModelName:
    """A word that names a model, taken apart."""

    model: str
    """RUN or RUN@STEP."""
    layer: int | None
    """None is the encoder's last word."""

    @property
    def run(self) -> str:
        """The run alone."""
        from masr.io.trained import open_trained

        return str(open_trained(self.model).run)

    @property
    def step(self) -> int | None:
        """Of the checkpoint; None for the final weights."""
        from masr.io.trained import open_trained

        return open_trained(self.model).step


def model_name(text: str) -> ModelName | None:
    """What a word names; None where that is no model. A folder or file of exactly that name comes first."""
    from masr.io.trained import open_trained

    found = None if Path(text).exists() else _LAYER.fullmatch(text)
    model, layer = (found[1], found[2]) if found else (text, None)
    if layer == _ALL or not open_trained(model).is_there:
        return None
    return ModelName(model, None if layer is None else int(layer))


def expand(given: Sequence[str]) -> list[str]:
    """Each word as it is; RUN@all as every checkpoint that a run has kept, RUN:all as every layer."""
    from masr.api import load
    from masr.io.trained import steps_of

    found = []
    for text in given:
        parts = None if Path(text).exists() else _LAYER.fullmatch(text)
        model, layer = (parts[1], parts[2]) if parts else (text, None)
        models = [model]
        if model.endswith(f"@{_ALL}") and Path(run := model.removesuffix(f"@{_ALL}")).is_dir():
            models = [f"{run}@{step}" for step in steps_of(Path(run))]
            if not models:
                raise CheckpointError(f"{run} has no checkpoints", fix="give the DIR of masr train")
        if layer == _ALL and all(model_name(one) for one in models):
            layers = [f":{n}" for n in range(load(models[0], "cpu").num_layers + 1)]
        else:
            layers = ["" if layer is None else f":{layer}"]
        found += [one + suffix for one in models for suffix in layers]
    return found


def open_model(name: ModelName, data: Path | None) -> tuple[Model, Any]:
    """The model and the speech that it is run on."""
    from masr.api import load
    from masr.io.datadir import DataDir

    if data is None:
        raise UsageError(f"{name.model} is a model, which needs speech to run on", fix="name it: --data DATA")
    opened = DataDir.open(data)
    if not len(opened):
        raise DataError(f"{data} has no utterances")
    model = load(name.model)
    if name.layer is not None and name.layer > model.num_layers:
        raise UsageError(
            f"{name.model}:{name.layer}: the encoder has layers 0 to {model.num_layers}",
            fix=f"{name.model}:{model.num_layers}",
        )
    return model, opened


class EncoderFrames:
    """One layer of a trained encoder over a data directory; each utterance is encoded when it is read."""

    def __init__(self, name: str, model: Model, layer: int | None, data: Any, masked: MaskedPass | None = None) -> None:
        """With `masked`, of speech of which a part is hidden."""
        from masr.analysis.frames import Grid
        from masr.inference.cluster import LayerFrames, grid_of

        self.name, self.data, self.masked = name, data, masked
        self.frames = LayerFrames(model, layer)
        self.dim: int = model.dim
        self.utts: Sequence[str] | None = data.utts
        grid = grid_of(model.encoder)
        self.counts: IntArray = grid.num_encoded(data)
        self.grid: Grid | None = Grid(
            grid.factor * FEATURE_SHIFT_SEC, grid.offset * FEATURE_SHIFT_SEC + FEATURE_START_SEC
        )

    def read(self, place: int) -> Array:
        """(N, D) of one utterance."""
        embed = None
        if self.masked is not None:
            embed = partial(self.masked.embed, self.frames.model.encoder, utts=[self.data.utts[place]])
        found: Array = self.frames.read(self.data, place, embed).numpy()
        return found


class HiddenFrames:
    """1 where a masked pass hides a frame, 0 elsewhere."""

    def __init__(self, like: EncoderFrames, masked: MaskedPass) -> None:
        self.name, self.dim, self.masked = f"{like.name} masked", 1, masked
        self.utts, self.counts, self.grid = like.utts, like.counts, like.grid

    def read(self, place: int) -> Array:
        """(N, 1)."""
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
        """(N, D)."""
        if place in self.held:
            return self.held[place]
        found = self.frames.read(place)
        if self.num_bytes + found.nbytes <= _MOST_KEPT_BYTES:
            self.held[place] = found
            self.num_bytes += found.nbytes
        return found
