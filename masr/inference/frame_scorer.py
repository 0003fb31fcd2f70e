"""A model that scores frames: batches as they were read become a confidence in each encoded frame.

The same object scores a data directory beforehand and, where a training asks for it, each batch while it trains.

Shapes: B utterances, S input frames or samples, T encoded frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from masr.config import Named
from masr.data.collate import to_device
from masr.data.dataset import Config as DataConfig
from masr.errors import ConfigError
from masr.inference.emissions import Listener
from masr.masking.confidence import Measure, Rule, frame_confidence
from masr.types import Batch, Encoder, Features

_COMPARED = 3_000
_TYPICAL = (48_000, 160_000, 480_000)
"""Samples of 3, 10 and 30 seconds: rates that agree at first may part later."""


@dataclass(frozen=True)
class FrameScorer:
    """The model, and what of its output counts as confidence."""

    emitter: Listener
    """A CTC model, or one that predicts codes or classes of frames."""
    measure: Rule = "max"
    exclude_blank: bool = False
    folder: Path = Path()
    """Folder of the model, as it was given."""
    identity: str = ""
    """Identity of the model: all that decides its output, as one line."""
    features: Named | None = None
    """The features that the model was trained on, where that is known."""
    temperature: float = 1.0
    """What logits are divided by."""
    dropout: float = 0.0
    """The share that is dropped in each pass, where passes are compared."""

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise ConfigError(f"a temperature is a number above 0, not {self.temperature:g}")
        self.check_measure()

    @property
    def of(self) -> str:
        """What the model is sure of, in a word."""
        return self.emitter.of

    def check_measure(self) -> None:
        """ConfigError where the model has nothing that this measure could be of."""
        if self.exclude_blank and not self.emitter.has_blank:
            raise ConfigError(
                f"{self.folder}: predicts codes, of which none is a blank", fix="leave --exclude-blank out"
            )
        num_units = int(getattr(self.emitter, "num_units", 0))
        if num_units < (3 if self.exclude_blank else 2):
            raise ConfigError(f"{self.folder}: its {num_units} units leave nothing to choose between")

    @property
    def kind(self) -> str:
        """Model and measure in one line: confidences of two kinds never stand side by side."""
        tempered = "" if self.temperature == 1 else f" at {self.temperature:g}"
        dropped = f" without {self.dropout:g}" if self.dropout else ""
        return f"{self.identity} {self.measure} {self.exclude_blank}{tempered}{dropped}"

    def confidence(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A batch of the model's input, not normalised yet -> (B, T) in [0, 1], anything past ends; (B,) lengths."""
        found, encoded = self.emitter(batch)
        measure: Measure = self.measure  # type: ignore[assignment]  # the others have classes of their own
        return frame_confidence(found, measure, self.exclude_blank, self.temperature), encoded

    @torch.no_grad()
    def __call__(self, batch: Batch, are_frames: bool) -> tuple[Tensor, Tensor]:
        """A batch as it was read -> (B, T) in [0, 1], zero past an utterance's end, and (B,) their lengths.

        Where the batch holds audio and the model takes features, `are_frames` is false and they are made here. T is
        the longest of the lengths, at least 1.
        """
        batch = to_device(batch, self.emitter.device)
        with torch.autocast(batch.features.device.type, enabled=False):
            if not are_frames and self.emitter.features is not None:
                features, lengths = self.emitter.features(batch.features, batch.lengths)
                batch = replace(batch, features=features, lengths=lengths)
            confidence, encoded = self.confidence(batch)
        time = max(1, int(encoded.max()))
        confidence = pad(confidence, (0, time - confidence.shape[1]))
        return confidence.masked_fill(torch.arange(time, device=encoded.device) >= encoded[:, None], 0.0), encoded

    def check_input(self, data: DataConfig, features: Named | None, sample_rate: int) -> None:
        """ConfigError where batches that are read so are not what the model takes.

        `features` are the training's, `sample_rate` that of audio in its batches.
        """
        what = f"scorer: {self.folder}"
        if data.source == "archives" and self.emitter.takes_samples:
            raise ConfigError(
                f"{what} takes waveforms, and data.source is archives",
                fix="set data.source to waveform or samples, or score the data beforehand: masr confidence",
            )
        if data.source == "archives" and self.features is not None and features != self.features:
            raise ConfigError(
                f"{what} was trained on other features than are read",
                why=f"it learnt by {self.features.config}, and read are "
                f"{'some of unknown make' if features is None else features.config}",
                fix="take a scorer of these features, or make these features of the data (stage 2)",
            )
        if data.source != "archives":
            if not self.emitter.takes_samples and self.emitter.features is None:
                raise ConfigError(f"{what} was trained on features of unknown make, so it cannot take waveforms")
            if self.emitter.sample_rate != sample_rate:
                raise ConfigError(
                    f"{what} takes {self.emitter.sample_rate} samples a second, and the data are read at {sample_rate}"
                )
        if self.emitter.wants_speakers and (data.normalise != "speaker" or data.source == "samples"):
            raise ConfigError(
                f"{what} wants its input normalised by speaker, and data.normalise is {data.normalise}",
                why="the speakers' statistics are not read then",
                fix="score the data beforehand (masr confidence), or set data.normalise to speaker",
            )

    def check_encoder(self, encoder: Encoder, seconds_per_frame: float, features: Features | None = None) -> None:
        """ConfigError naming both rates where the encoder makes other frames of the same speech than the scorer.

        `seconds_per_frame` is that of the encoder's input frames, or samples; `features` make its frames of audio.
        """
        counts = torch.cat([torch.arange(1, _COMPARED), torch.tensor(_TYPICAL)])
        takes_samples = encoder.num_bins == 1
        theirs = ours = counts
        if takes_samples != self.emitter.takes_samples:
            theirs = counts if takes_samples else _frames(features, counts)
            ours = counts if self.emitter.takes_samples else _frames(self.emitter.features, counts)
        theirs, ours = encoder.num_encoded(theirs), self.emitter.num_encoded(ours)
        shift = encoder.subsampling * seconds_per_frame
        if abs(self.emitter.frame_shift_sec - shift) < 1e-9 and bool((theirs == ours).all()):
            return
        other = (theirs != ours).nonzero()[:, 0].tolist()
        place = max((n for n in other if n < _COMPARED - 1), default=other[0] if other else -1)
        given = "samples" if takes_samples or self.emitter.takes_samples else "input frames"
        raise ConfigError(
            f"the scorer gives a confidence every {1000 * self.emitter.frame_shift_sec:g} ms, and the encoder makes a "
            f"frame every {1000 * shift:g} ms: of {int(counts[place])} {given} {int(ours[place])} and "
            f"{int(theirs[place])}",
            why="guided masking needs exactly one confidence for each encoded frame",
            fix="take a scorer whose front end is that of the encoder",
        )


def _frames(features: Features | None, num_samples: Tensor) -> Tensor:
    """(N,) -> (N,) frames made of so many samples."""
    if features is None:
        raise ConfigError(
            "scorer and encoder take different input, and what the frames were made of is not known",
            fix="name `features` in the configuration of pre-training",
        )
    return torch.tensor([features.num_frames(int(count)) for count in num_samples])
