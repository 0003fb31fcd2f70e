"""Frames and models that words name, as every analysis takes them.

A word is an array FILE.npy, a folder of frames, a data directory with feature archives, or a model that is run on
speech: RUN, RUN:LAYER, RUN@STEP. `all` in place of a step or a layer stands for every one of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from masr.api import load
from masr.errors import CheckpointError, DataError, UsageError
from masr.io.datadir import DataDir
from masr.io.frames import Grid, open_frames
from masr.io.layout import FEATS_SCP, FRAMES
from masr.io.model_name import ALL, ModelName, model_name, parts
from masr.io.trained import steps_of

if TYPE_CHECKING:
    from masr.inference.load import Model
    from masr.io.frames import Frames


def open_sources(
    given: Sequence[str], rates: Sequence[float] | None, data: Path | None, names: Sequence[str] | None = None
) -> list[Frames]:
    """What each of `given` names, with the rate that was said of it, and the name that figures and tables show."""
    rates = list(rates or [])
    if len(rates) not in (0, 1, len(given)):
        raise UsageError(
            f"{len(rates)} rates for {len(given)} representations", fix="give --rate once, or once for each, in order"
        )
    bad = [rate for rate in rates if not (math.isfinite(rate) and rate > 0)]
    if bad:
        raise UsageError(f"--rate {bad[0]} is no rate", fix="give frames a second: --rate 50")
    opened = [open_source(text, data) for text in given]
    if names is not None and not len(opened) == len(names) == len(set(names)):
        raise UsageError(f"{len(names)} names for {len(opened)} representations", fix="give each a name of its own")
    for k, one in enumerate(opened):
        if rates:
            rate = rates[k % len(rates)]
            one.grid = Grid(1 / rate, one.grid.start_sec if one.grid else 0.5 / rate)
        if names is not None:
            one.name = names[k]
    return opened


def open_source(text: str, data: Path | None) -> Frames:
    """An array, a folder of frames, a data directory with archives, or MODEL:LAYER."""
    path = Path(text)
    named = model_name(text)
    if named is not None:
        from masr.inference.frame_sources import EncoderFrames

        model, opened = open_model(named, data)
        return EncoderFrames(text, model, named.layer, opened)
    if path.is_dir() and not (path / FRAMES).is_file() and (path / FEATS_SCP).is_file():
        from masr.inference.frame_sources import ArchiveFrames

        return ArchiveFrames(path)
    return open_frames(path)


def expand(given: Sequence[str]) -> list[str]:
    """Each word as it is; RUN@all as every checkpoint that a run has kept, RUN:all as every layer."""
    found = []
    for text in given:
        model, layer = parts(text)
        models = [model]
        if model.endswith(f"@{ALL}") and Path(run := model.removesuffix(f"@{ALL}")).is_dir():
            models = [f"{run}@{step}" for step in steps_of(Path(run))]
            if not models:
                raise CheckpointError(f"{run} has no checkpoints", fix="give the DIR of masr train")
        if layer == ALL and all(model_name(one) for one in models):
            layers = [f":{n}" for n in range(load(models[0], "cpu").num_layers + 1)]
        else:
            layers = ["" if layer is None else f":{layer}"]
        found += [one + suffix for one in models for suffix in layers]
    return found


def open_model(name: ModelName, data: Path | None) -> tuple[Model, DataDir]:
    """The model and the speech that it is run on."""
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
