"""What an objective that transcribes, or a scorer beside one, is given: units, transcripts, what cannot be learnt from.

Such an objective's Config says so (`transcribes`), has `num_units`, and rules for transcripts that are empty or have
unknown units; the objective itself takes the units that its answers are read by (`units`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from masr.config import Named
from masr.data.transcripts import TOLERANT, BoolArray, Rules, Transcripts
from masr.errors import ConfigError, DataError
from masr.files import ordinary
from masr.io.atomic import atomic_open, atomic_write
from masr.io.datadir import DataDir
from masr.io.layout import LEFT_OUT, RESOLVED_CONFIG, UNITS, UNITS_MODEL, UNITS_TXT
from masr.maths.keyed_random import combine, places_of, uniform
from masr.training.config import TrainConfig
from masr.training.encoded_frames import EncodedFrames
from masr.types import Units

_SHOWN = 3
_LABELLED = 64
"""Purpose of the numbers that say which utterances are labelled."""


@dataclass(frozen=True)
class Speech:
    """The transcripts of a run; without any, nothing is transcribed."""

    train: Transcripts | None = None
    dev: Transcripts | None = None
    left_out: tuple[tuple[str, str, str], ...] = ()
    """What is not learnt from: data directory, utterance, reason."""
    units: Units | None = None
    is_beside: bool = False
    """Whether transcripts teach a scorer beside the objective, which learns from all utterances."""

    @property
    def kept(self) -> BoolArray | None:
        """(N,) true where a training utterance can be learnt from; None where all can."""
        return None if self.train is None or self.is_beside else self.train.learnt

    @property
    def has_reference(self) -> BoolArray | None:
        """(N,) true where a validation utterance has a reference; None where none is needed."""
        return None if self.dev is None or self.is_beside else ~self.dev.has_no_text

    def give(self, objective: nn.Module) -> None:
        """Gives the objective, alone or inside what streams were wrapped around, the units to read its answers by."""
        for module in objective.modules():
            if hasattr(module, "units") and self.units is not None:
                module.units = self.units  # type: ignore[assignment]

    def show(self, say: Callable[[str], None]) -> None:
        """Says how many utterances are not learnt from, and names the first of them; or how many teach a scorer."""
        if self.is_beside and self.train is not None:
            say(f"{int(self.train.learnt.sum())} of {len(self.train.learnt)} utterances teach the scorer by their text")
        for folder in dict.fromkeys(folder for folder, _, _ in self.left_out):
            mine = [f"{utt} ({reason})" for where, utt, reason in self.left_out if where == folder]
            say(f"{folder}: {len(mine)} utterances are not learnt from, see {LEFT_OUT}: {'; '.join(mine[:_SHOWN])}")

    def save(self, units: Path, folder: Path) -> None:
        """Writes FOLDER/left_out.tsv, and to FOLDER/units the units that the model's answers are read by."""
        if self.train is None:
            return
        if not self.is_beside:
            with atomic_open(folder / LEFT_OUT) as stream:
                stream.writelines("\t".join(row) + "\n" for row in self.left_out)
        for name in (UNITS_TXT, UNITS_MODEL, RESOLVED_CONFIG):
            if (units / name).is_file():
                atomic_write(folder / UNITS / name, ordinary(units / name).read_bytes())


def transcribes(config: TrainConfig) -> bool:
    """Whether the objective learns from transcripts."""
    return bool(getattr(config.objective.config, "transcribes", False))


def reads_text(config: TrainConfig) -> bool:
    """Whether transcripts are read: by the objective, or by a scorer that learns beside it."""
    return transcribes(config) or (config.own_scorer is not None and config.own_scorer.reads_text)


def with_outputs(config: TrainConfig, units: Units | None) -> TrainConfig:
    """The configuration with as many outputs as there are units, and without crops, which have no transcript."""
    if units is None or not transcribes(config):
        return config
    named: Any = config.objective
    if named.config.num_units not in (0, units.size):
        raise ConfigError(
            f"objective.num_units is {named.config.num_units}, and {config.codes} has {units.size} units",
            fix="leave objective.num_units out, or name the folder of the units in codes",
        )
    own = Named(named.name, replace(named.config, num_units=units.size), named.common)
    return replace(config, objective=own, batching=replace(config.batching, crop=False))


def read_speech(frames: EncodedFrames, data: DataDir, dev: DataDir | None, units: Units | None) -> Speech:
    """The transcripts of the training and the validation data."""
    if units is None or not reads_text(frames.config):
        return Speech()
    if not transcribes(frames.config):
        return _beside(frames, data, dev, units)
    own = frames.config.objective.config
    rules = Rules(unknown_is_error=own.unknown == "error", empty_is_error=own.empty == "error")
    train = Transcripts(data, units, frames.whole(data), rules)
    left_out = list(_left_out(frames, data, train))
    if not train.learnt.any():
        reason = left_out[0][2] if left_out else "there is no utterance"
        raise DataError(f"{data.folder}: nothing can be learnt from: of the first utterance, {reason}")
    if dev is None:
        return Speech(train, None, tuple(left_out), units)
    references = Transcripts(dev, units, frames.whole(dev), TOLERANT)
    return Speech(train, references, (*left_out, *_left_out(frames, dev, references)), units)


def _beside(frames: EncodedFrames, data: DataDir, dev: DataDir | None, units: Units) -> Speech:
    """The transcripts that a scorer learns from beside the objective: of a share of the utterances, never of crops."""
    own = frames.config.own_scorer
    assert own is not None
    drawn = uniform(combine(own.label_seed, 0, places_of(data.utts)), 1, _LABELLED)[:, 0].numpy()
    unlabelled = {int(place): "is not among the labelled" for place in np.flatnonzero(drawn >= own.labelled)}
    train = Transcripts(data, units, frames.whole(data), TOLERANT, unlabelled | _cropped(frames, data))
    if not train.learnt.any():
        raise DataError(
            f"{data.folder}: own_scorer can learn from no transcript",
            why=f"of its {len(data)} utterances, {len(unlabelled)} are not among the labelled, and of the first of all "
            f"{train.reasons[0]}",
            fix="raise own_scorer.labelled, or batching.max_frames above the longest utterance",
        )
    known = None if dev is None else Transcripts(dev, units, frames.whole(dev), TOLERANT, _cropped(frames, dev))
    return Speech(train, known, units=units, is_beside=True)


def _cropped(frames: EncodedFrames, data: DataDir) -> dict[int, str]:
    """Places of utterances that are too long to be heard whole: no part of one has its transcript."""
    long = np.flatnonzero(frames.lengths(data) > frames.config.batching.max_frames)
    return {int(place): "is cropped" for place in long}


def _left_out(frames: EncodedFrames, data: DataDir, transcripts: Transcripts) -> Iterator[tuple[str, str, str]]:
    """Every utterance that no loss is taken of: by its transcript, or as batching has no place for it."""
    limits, reasons = frames.config.batching, transcripts.reasons
    for place, length in enumerate(frames.lengths(data).tolist()):
        reason = reasons.get(place)
        if length < limits.min_frames:
            reason = f"{length} frames are below batching.min_frames ({limits.min_frames})"
        elif length > limits.max_frames:
            reason = f"{length} frames are above batching.max_frames ({limits.max_frames})"
        if reason is not None:
            yield str(data.folder), data.utts[place], reason
