"""Where an analysis reads frames from: arrays, extracted folders, feature archives, or a trained encoder as it runs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.errors import UsageError

if TYPE_CHECKING:
    from masr.analysis.frames import Array, Frames, IntArray


class ArchiveFrames:
    """Feature archives of a data directory: log-mel as stage 2 made it."""

    def __init__(self, folder: Path) -> None:
        from masr.analysis.frames import Grid
        from masr.cli.analyse_encoder import FEATURE_SHIFT_SEC, FEATURE_START_SEC
        from masr.data.dataset import frames_of
        from masr.io.ark import read_shape
        from masr.io.datadir import DataDir
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
    from masr.cli.analyse_encoder import EncoderFrames, model_name, open_model
    from masr.io.layout import FEATS_SCP, FRAMES

    path = Path(text)
    named = model_name(text)
    if named is not None:
        model, opened = open_model(named, data)
        return EncoderFrames(text, model, named.layer, opened)
    if path.is_dir() and not (path / FRAMES).is_file() and (path / FEATS_SCP).is_file():
        return ArchiveFrames(path)
    return open_frames(path)


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
