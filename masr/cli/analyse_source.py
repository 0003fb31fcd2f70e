"""Where an analysis reads frames from: arrays, extracted folders, feature archives, or a trained encoder as it runs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.errors import DataError, UsageError

if TYPE_CHECKING:
    from masr.analysis.frames import Array, Frames, IntArray

_FEATURE_SHIFT_SEC, _FEATURE_START_SEC = 0.01, 0.0125
"""Feature frames are 25 ms long, 10 ms apart, and lie whole in the utterance."""


class EncoderFrames:
    """One layer of a trained encoder over a data directory; each utterance is encoded when it is read."""

    def __init__(self, name: str, model: Any, layer: int | None, data: Any) -> None:
        from masr.analysis.frames import Grid
        from masr.inference.cluster import LayerFrames, grid_of

        self.name, self.data, self.frames = name, data, LayerFrames(model, layer)
        self.dim: int = model.dim
        self.utts: Sequence[str] | None = data.utts
        grid = grid_of(model.encoder)
        self.counts: IntArray = grid.num_encoded(data)
        self.grid: Grid | None = Grid(
            grid.factor * _FEATURE_SHIFT_SEC, grid.offset * _FEATURE_SHIFT_SEC + _FEATURE_START_SEC
        )

    def read(self, place: int) -> Array:
        """(N, D) of one utterance."""
        found: Array = self.frames.read(self.data, place).numpy()
        return found


class ArchiveFrames:
    """Feature archives of a data directory: log-mel as stage 2 made it."""

    def __init__(self, folder: Path) -> None:
        from masr.analysis.frames import Grid
        from masr.data.dataset import frames_of
        from masr.io.ark import read_shape
        from masr.io.datadir import DataDir
        from masr.io.layout import FEATS_SCP

        data = DataDir.open(folder)
        self.name, self.table = str(folder), data.table(FEATS_SCP)
        self.utts: Sequence[str] | None = data.utts
        self.counts: IntArray = frames_of(data)
        self.dim = int(read_shape(self.table[data.utts[0]])[1])
        self.grid: Grid | None = Grid(_FEATURE_SHIFT_SEC, _FEATURE_START_SEC)

    def read(self, place: int) -> Array:
        """(N, D) of one utterance."""
        from masr.io.ark import read_matrix

        assert self.utts is not None
        return read_matrix(self.table[self.utts[place]])


def open_sources(given: Sequence[str], rates: Sequence[float] | None, data: Path | None) -> list[Frames]:
    """What each of `given` names, with the rate that was said of it."""
    from masr.analysis.frames import Grid

    rates = list(rates or [])
    if len(rates) not in (0, 1, len(given)):
        raise UsageError(
            f"{len(rates)} rates for {len(given)} representations", fix="give --rate once, or once for each, in order"
        )
    bad = [rate for rate in rates if not (math.isfinite(rate) and rate > 0)]
    if bad:
        raise UsageError(f"--rate {bad[0]} is no rate", fix="give frames a second: --rate 50")
    opened = [open_source(text, data) for text in given]
    for k, one in enumerate(opened):
        if rates:
            rate = rates[k % len(rates)]
            one.grid = Grid(1 / rate, one.grid.start_sec if one.grid else 0.5 / rate)
    return opened


def open_source(text: str, data: Path | None) -> Frames:
    """An array, a folder of frames, a data directory with archives, or MODEL:LAYER."""
    from masr.analysis.frames import open_frames
    from masr.io.layout import FEATS_SCP, FRAMES, MODEL

    path = Path(text)
    folder, _, layer = text.rpartition(":")
    if not path.exists() and folder and layer.isdigit() and (Path(folder) / MODEL).is_file():
        return _open_encoder(text, Path(folder), int(layer), data)
    if (path / MODEL).is_file():
        return _open_encoder(text, path, None, data)
    if path.is_dir() and not (path / FRAMES).is_file() and (path / FEATS_SCP).is_file():
        return ArchiveFrames(path)
    return open_frames(path)


def _open_encoder(text: str, folder: Path, layer: int | None, data: Path | None) -> Frames:
    from masr.api import load
    from masr.io.datadir import DataDir

    if data is None:
        raise UsageError(f"{text} is a model, which needs speech to run on", fix="name it: --data DATA")
    opened = DataDir.open(data)
    if not len(opened):
        raise DataError(f"{data} has no utterances")
    model = load(folder)
    if layer is not None and layer > model.num_layers:
        raise UsageError(f"{text}: the encoder has layers 0 to {model.num_layers}", fix=f"{folder}:{model.num_layers}")
    return EncoderFrames(text, model, layer, opened)


def write_json(where: str, values: Mapping[str, Any]) -> None:
    """To a file, or the screen where `where` is "-"; what is not known is null."""
    from masr.io.atomic import atomic_write

    text = json.dumps(_plain(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if where == "-":
        print(text, end="")
    else:
        atomic_write(Path(where), text)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
