"""What words name as sources of frames: arrays, folders, feature archives, or a trained encoder as it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from masr.errors import UsageError

if TYPE_CHECKING:
    from masr.io.frames import Frames


def open_sources(given: Sequence[str], rates: Sequence[float] | None, data: Path | None) -> list[Frames]:
    """What each of `given` names, with the rate that was said of it."""
    from masr.io.frames import Grid

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
    from masr.cli.analyse.model_names import open_model
    from masr.inference.frame_sources import ArchiveFrames, EncoderFrames
    from masr.io.frames import open_frames
    from masr.io.layout import FEATS_SCP, FRAMES
    from masr.io.model_name import model_name

    path = Path(text)
    named = model_name(text)
    if named is not None:
        model, opened = open_model(named, data)
        return EncoderFrames(text, model, named.layer, opened)
    if path.is_dir() and not (path / FRAMES).is_file() and (path / FEATS_SCP).is_file():
        return ArchiveFrames(path)
    return open_frames(path)
