"""All that a run reads, each with its identity: what a run that is gone on with must find as it was.

Names are those of options in the configuration, with the file behind them where only that is read: `targets`,
`train/feats.scp`, `codes/units.txt`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from masr.config import Named
from masr.io.identity import Read, identity
from masr.io.layout import (
    CMVN_SCP,
    CODES,
    CONFIDENCE_SCP,
    FEATS_SCP,
    RESOLVED_CONFIG,
    TARGETS_SCP,
    UNITS_MODEL,
    UNITS_TXT,
    UTT2NUM_FRAMES,
    UTT2SPK,
    WAV_SCP,
)
from masr.training.batches import named_streams
from masr.training.config import TrainConfig
from masr.training.encoded_frames import wants_confidences
from masr.training.transcripts import reads_text


def reads_of(config: TrainConfig) -> dict[str, Read]:
    """Everything that a run of this configuration reads; large archives are not opened for it."""
    return {name: Read(str(path), identity(path)) for name, path in _paths(config)}


def _paths(config: TrainConfig) -> Iterator[tuple[str, Path]]:
    for name, folder in {"train": config.train, "dev": config.dev}.items():
        if folder is not None:
            yield from _of_data(name, folder, config)
            if wants_confidences(config):
                where = folder if config.confidence is None else config.confidence / folder.name
                yield f"confidence/{name}", where / CONFIDENCE_SCP
    if config.targets is not None:
        yield "targets", config.targets / TARGETS_SCP
    if reads_text(config):
        for file in (UNITS_TXT, UNITS_MODEL, RESOLVED_CONFIG):
            yield f"codes/{file}", config.codes / file
    for stream, _ in named_streams(config):
        yield f"codes/{CODES}/{stream}.npz", config.codes / CODES / f"{stream}.npz"
    for name, path in _others(config):
        yield name, path
        if (path / UTT2SPK).is_file():
            yield f"{name}/{WAV_SCP}", path / WAV_SCP


def _of_data(name: str, folder: Path, config: TrainConfig) -> Iterator[tuple[str, Path]]:
    """Its tables, and its features or its audio."""
    yield name, folder
    if config.data.source == "archives":
        yield f"{name}/{FEATS_SCP}", folder / FEATS_SCP
        return
    yield f"{name}/{WAV_SCP}", folder / WAV_SCP
    if config.data.source == "waveform":  # lengths and statistics are those of stage 2
        for file in (UTT2NUM_FRAMES, CMVN_SCP):
            yield f"{name}/{file}", folder / file


_READ_IN_PART = ("train", "dev", "codes", "targets", "confidence")
"""Options of the configuration itself: only a part of what lies there is read."""


def _others(config: Any, key: str = "") -> Iterator[tuple[str, Path]]:
    """Every other path of the configuration, of whichever plug-in, by its dotted key."""
    if isinstance(config, Path):
        yield key, config
    elif isinstance(config, Named):
        yield from _others(config.config, key)
        yield from _others(config.common, key)
    elif isinstance(config, list | tuple):
        for place, value in enumerate(config):
            yield from _others(value, f"{key}.{place}")
    elif dataclasses.is_dataclass(config):
        for field in dataclasses.fields(config):
            if key or field.name not in _READ_IN_PART:
                yield from _others(getattr(config, field.name), f"{key}.{field.name}" if key else field.name)
