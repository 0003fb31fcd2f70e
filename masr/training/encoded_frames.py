"""The frames that a run's encoder makes: of which input, how many, how far apart; and what was made for them before.

Clusters to predict, stored confidences and a scorer fit an encoder only where both agree on what a frame is.

Shapes: B utterances of a batch, N of a data directory, T encoded frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from masr.config import Named
from masr.data.batching import Int64Array
from masr.data.clean_frames import CleanFrames
from masr.data.collate import Targets
from masr.data.confidence import Confidences
from masr.data.dataset import Config as DataConfig
from masr.data.dataset import Input, SampleSource, frames_of, lengths_of
from masr.data.frame_labels import FrameLabels, phones_of
from masr.data.frame_times import middle_of_first
from masr.data.samples import sample_rate_of
from masr.errors import ConfigError
from masr.io.ark import read_shape
from masr.io.datadir import DataDir
from masr.io.layout import CORRUPTED_CTM, FEATS_SCP
from masr.training.config import TrainConfig
from masr.types import Batch, Encoder, Features


class Scorer(Protocol):
    """A CTC model, opened by whoever starts the training: training itself knows no models of other runs."""

    def __call__(self, batch: Batch, are_frames: bool) -> tuple[Tensor, Tensor]:
        """A batch as it was read -> (B, T) confidences in [0, 1] and (B,) their lengths; without gradient."""
        ...

    def check_input(self, data: DataConfig, features: Named | None, sample_rate: int) -> None:
        """ConfigError where the scorer cannot take what is read."""
        ...

    def check_encoder(self, encoder: Encoder, seconds_per_frame: float, features: Features | None = None) -> None:
        """ConfigError where the scorer's frames are not the encoder's."""
        ...


@dataclass(frozen=True)
class EncodedFrames:
    """A run's encoder with what it is fed."""

    config: TrainConfig
    encoder: Encoder
    features: Features | None = None
    """What makes frames of audio, in stage 2 or in each batch; None where nobody knows, or there are no such frames."""

    @property
    def encoder_rate(self) -> int:
        """Samples per second of the waveforms that the encoder takes, where it takes such."""
        return sample_rate_of(self.encoder)

    @property
    def seconds_per_input(self) -> float:
        """Seconds between two input frames of the encoder, or two samples where it takes those."""
        return self.config.seconds_per_frame(self.encoder_rate)

    def lengths(self, data: DataDir) -> Int64Array:
        """(N,) what batches are filled by: feature frames, or pieces of 10 ms where samples are read."""
        return lengths_of(self.config.data, data, self.encoder_rate)

    def input(self, data: DataDir, lengths: Int64Array) -> Input:
        """How the utterances of a data directory are read."""
        made_here = self.features if self.config.data.source == "waveform" else None
        return Input(data.folder, self.config.data, made_here, self.encoder_rate, lengths)

    def whole(self, data: DataDir) -> Int64Array:
        """(N,) encoded frames of every utterance."""
        is_samples = self.config.data.source == "samples"
        inputs = SampleSource(data, self.encoder_rate).num_samples if is_samples else frames_of(data)
        found: Int64Array = self.encoder.num_encoded(torch.from_numpy(inputs)).numpy()
        return found

    def by_input(self) -> Int64Array:
        """(L,) numbers of encoded frames: at place n, how many come out of n input frames, or samples."""
        longest = self.config.batching.max_frames + 1
        if self.config.data.source == "samples":
            longest = (longest + 1) * self.encoder_rate // 100
        counts: Int64Array = self.encoder.num_encoded(torch.arange(longest)).numpy()
        return counts

    def targets(self, data: DataDir) -> Targets | FrameLabels | None:
        """The clusters of the encoded frames, or the phones; None where the run predicts neither."""
        own = self.config.objective.config
        if learns_frames(self.config):
            numbers = {phone: own.number(phone) for phone in phones_of(data)}
            times = (self.first_sec, self.seconds_per_input, self.encoder.subsampling, self.by_input())
            silence = own.number(own.silence)
            return FrameLabels(data, numbers, silence, *times, covered=silence if own.covered_is_silence else -1)
        if self.config.targets is None:
            return None
        return Targets(self.config.targets, self.encoder.subsampling, self.by_input())

    def clean(self, data: DataDir) -> CleanFrames | None:
        """Which encoded frames were not corrupted on purpose; None where the data directory says nothing of it."""
        if not data.has(CORRUPTED_CTM):
            return None
        return CleanFrames(self.first_sec, self.seconds_per_input, self.encoder.subsampling, self.by_input())

    @property
    def first_sec(self) -> float:
        """When the middle of an utterance's first encoded frame is."""
        made = self.config.features.config if self.config.features else None
        # Without snip_edges a frame has its middle in the middle of its own 10 ms.
        sight = "window_ms" if getattr(made, "snip_edges", True) else "shift_ms"
        return middle_of_first(self.encoder, self.seconds_per_input, getattr(made, sight, 25.0) / 1000)

    def confidences(self, data: DataDir) -> Confidences | None:
        """The stored confidences of a data directory, checked to be of its utterances and of the encoder's rate.

        None where the run reads none.
        """
        if not wants_confidences(self.config):
            return None
        folder = data.folder if self.config.confidence is None else self.config.confidence / data.folder.name
        found = Confidences(folder, data, self.encoder.subsampling, self.whole(data), self.by_input())
        found.check_rate(self.encoder.subsampling * self.seconds_per_input)
        found.check_corpus(data)
        return found

    def check(self, data: DataDir, scorer: Scorer | None) -> None:
        """ConfigError where the encoder takes other input than is read, or makes other frames than the scorer."""
        takes_samples, source = self.encoder.num_bins == 1, self.config.data.source
        if takes_samples != (source == "samples"):
            kind = "waveforms" if takes_samples else f"frames of {self.encoder.num_bins} values"
            raise ConfigError(
                f"the encoder takes {kind}, and data.source is {source}",
                fix=f"set data.source to {'samples' if takes_samples else 'archives or waveform'}, "
                "or take another encoder",
            )
        if source == "waveform" and self.features is None:
            raise ConfigError("data.source is waveform, and no features are named", fix="features: {name: log_mel}")
        if not takes_samples:
            self._check_width(data)
        if scorer is not None:
            scorer.check_encoder(self.encoder, self.seconds_per_input, self.features)
            rate = self.encoder_rate if self.features is None else self.features.sample_rate
            scorer.check_input(self.config.data, self.config.features, rate)

    def _check_width(self, data: DataDir) -> None:
        if self.config.data.source == "archives" and data.has(FEATS_SCP) and len(data):
            width = read_shape(data.table(FEATS_SCP).at(0))[1]
        elif self.features is not None:
            width = self.features.num_bins
        else:
            return
        if width != self.encoder.num_bins:
            raise ConfigError(
                f"encoder.num_bins is {self.encoder.num_bins} and the frames of {data.folder} have {width} values",
                fix=f"set encoder.num_bins to {width}, or make other features (stage 2)",
            )


def learns_frames(config: TrainConfig) -> bool:
    """Whether the objective learns the phone of each frame, and reads the alignment."""
    return bool(getattr(config.objective.config, "learns_frames", False))


def wants_confidences(config: TrainConfig) -> bool:
    """Whether a run reads stored confidences: its masking asks for them, or it names a folder, for its log."""
    by_model = config.scorer is not None or config.own_scorer is not None
    given = [name for name in ("confidence", "scorer", "own_scorer") if getattr(config, name) is not None]
    if len(given) > 1:
        raise ConfigError(
            f"both {given[0]} and {given[1]} are set, and only one can say how sure a frame is",
            why="confidence names stored ones, scorer a model that is asked in every step, own_scorer the model itself",
            fix="leave all but one of them out",
        )
    asked = bool(getattr(config.masking.config, "needs_confidence", False))
    return not by_model and (asked or config.confidence is not None)


def needs(config: TrainConfig) -> list[tuple[str, str]]:
    """What has to be made before training begins: ("confidence", "") of a scorer, ("targets", folder) of clusters."""
    confidence = [("confidence", "")] if wants_confidences(config) else []
    return confidence if config.targets is None else [*confidence, ("targets", str(config.targets))]
