"""What a CTC model says of every frame of a data directory: natural log-probabilities of the units, blank first.

Shapes: B utterances, T encoded frames, V units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from masr.data.batching import Int64Array
from masr.data.dataset import Source
from masr.errors import CheckpointError
from masr.inference.batches import check_make, of_like_length, open_speech, pools, read_whole
from masr.inference.decode_config import LOWEST
from masr.inference.load import Model, device_of
from masr.io.datadir import DataDir
from masr.io.progress import track
from masr.models.pretrained_ctc import read_ctc
from masr.types import Batch, Features, FloatArray, Units

_POOL = 256
"""Utterances that are sorted by length together, and whose emissions are held at a time."""


class Listener(nn.Module):
    """An encoder with the input and the normalisation that it learnt by: of what its frames are, and when."""

    of = "frames"
    """What confidence in its output is of, in a word."""
    has_blank = False
    """Whether the first of its units is what says nothing."""

    def __init__(self, model: Model, frame_sec: float) -> None:
        """`frame_sec` lies between two input frames, or samples."""
        super().__init__()
        self.model = model
        self.subsampling = int(model.encoder.subsampling)
        self.frame_shift_sec = round(self.subsampling * frame_sec, 9)
        self.takes_samples: bool = model.takes_samples
        self.sample_rate: int = model.sample_rate
        self.features: Features | None = model.features

    @property
    def wants_speakers(self) -> bool:
        """Whether input is normalised by statistics of its speaker."""
        return not self.takes_samples and self.model.norm == "speaker"

    @property
    def device(self) -> torch.device:
        """The device that it computes on."""
        return self.model.device

    def num_encoded(self, lengths: Tensor) -> Tensor:
        """(B,) input frames, or samples -> (B,) encoded frames."""
        found: Tensor = self.model.encoder.num_encoded(lengths)
        return found


class Emitter(Listener):
    """A trained CTC model, and the units that it writes."""

    of = "units"
    has_blank = True

    def __init__(self, model: Model, objective: Any, units: Units | None, frame_sec: float) -> None:
        """`frame_sec` lies between two input frames, or samples."""
        super().__init__(model, frame_sec)
        self.objective = objective.eval().requires_grad_(False).to(model.device)
        self.units = units
        self.num_units = int(objective.num_units if units is None else units.size)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A batch as it lies on disk, not normalised yet -> (B, T, V) log-probabilities, (B,) lengths."""
        return self.log_probabilities(*self.model.ready(batch.features, batch.lengths, batch.stats))

    @torch.no_grad()
    def log_probabilities(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Input that is normalised as in training -> (B, T, V) log-probabilities, (B,) lengths."""
        found: tuple[Tensor, Tensor] = self.objective.log_probabilities(features, lengths)
        return found

    def featurised(self, batch: Batch) -> Batch:
        """A batch of samples -> the same as `forward` takes it: frames of features, where it learnt from such."""
        features, lengths = self.model.featurise(batch.features, batch.lengths)
        return replace(batch, features=features, lengths=lengths)

    def emissions(self, batch: Batch) -> list[FloatArray]:
        """A batch as `forward` takes it -> what decoders take of each utterance: (T, V), T 0 where it is too short."""
        scores, lengths = self(batch)
        rows: FloatArray = scores.float().cpu().numpy()
        return [np.maximum(row[:length], LOWEST) for row, length in zip(rows, lengths.tolist(), strict=True)]

    def known_units(self) -> Units:
        """The units that it writes; CheckpointError where nothing says them."""
        if self.units is None:
            raise CheckpointError(
                "nothing says which units the outputs of this model are",
                why="it is a checkpoint of transformers, whose vocabulary is not read",
                fix="train on top of it: masr train CONF DIR with objective: {name: ctc} and "
                "encoder: {name: pretrained, checkpoint: FOLDER}",
            )
        return self.units


def read_transformers(folder: Path, device: str = "auto") -> Emitter:
    """A CTC model in a folder that transformers wrote, as an emitter; its units are its own, so `units` is None."""
    found = read_ctc(Path(folder))
    model = Model(found.encoder, None, "none", None, device_of(device))
    return Emitter(model, found, None, 1 / model.sample_rate)


@dataclass(frozen=True, eq=False)
class Heard:
    """A data directory as a CTC model hears it: emissions for decoding, computed when they are asked for."""

    emitter: Emitter
    data: DataDir
    from_archives: bool
    """Whether the archives hold the model's own features; otherwise they are made of the audio."""

    def __post_init__(self) -> None:
        check_make(self.data, self.emitter.model, self.from_archives)

    @property
    def utts(self) -> Sequence[str]:
        """The utterances in C order."""
        return self.data.utts

    @property
    def name(self) -> str:
        """What stands at the progress bar."""
        return self.data.folder.name

    @property
    def frame_shift_sec(self) -> float:
        """Seconds from frame to frame."""
        return self.emitter.frame_shift_sec

    def read(self, first: int, last: int) -> Iterator[tuple[str, FloatArray]]:
        """Each utterance of a slice and its (T, V), in order; no row where it is too short for a frame."""
        yield from track(self._read(first, last), self.name, total=last - first, unit="utt")

    def _read(self, first: int, last: int) -> Iterator[tuple[str, FloatArray]]:
        source = self._open()
        for places in pools(first, last, _POOL):
            found: dict[int, FloatArray] = {}
            for batch in of_like_length(places, source.num_frames):
                found.update(self._run(source, batch))
            yield from ((self.utts[place], found.pop(place)) for place in places.tolist())

    def _open(self) -> Source:
        return open_speech(self.data, self.emitter.model, self.from_archives)

    def _run(self, source: Source, places: Int64Array) -> Iterator[tuple[int, FloatArray]]:
        """The places of a batch, each with its (T, V)."""
        yield from zip(places.tolist(), self.emitter.emissions(self._batch(source, places)), strict=True)

    def _batch(self, source: Source, places: Int64Array) -> Batch:
        """Whole utterances, as the model takes them but not normalised."""
        batch = read_whole(self.data, source, places, self.emitter.wants_speakers)
        return batch if self.from_archives else self.emitter.featurised(batch)
