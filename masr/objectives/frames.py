"""A classifier of frames: the phone in the middle of each encoded frame, by cross-entropy.

As a scorer it stands beside CTC, whose model is sure of blanks most of the time: this one says of every frame which
phone it takes it for. The first class is silence, and whatever lies between phones.

Shapes: B utterances, T encoded frames, D encoder width, V classes, N frames that have one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from masr.config import option
from masr.errors import DataError
from masr.losses.classification import cross_entropy
from masr.maths.on_host import from_host, longest, places, rows_at
from masr.maths.products import Linear
from masr.models.heads import LayerMean
from masr.types import Batch, Encoded, Encoder, Losses, Masker

SILENCE = "SIL"
_STRESS = re.compile(r"^([A-Z]{2})[012]$")


@dataclass(frozen=True)
class Config:
    """Which phones there are, and what is classified."""

    classes: tuple[str, ...] = option(
        (), "names of the outputs, SIL first; left out, all phones of the training data's phones.ctm"
    )
    silences: tuple[str, ...] = option(
        ("", "sil", "sp", "spn", "nsn", "<eps>", "<sil>", "SIL", "SP", "SPN"),
        "labels of the alignment that are silence",
    )
    merge_stress: bool = option(True, "AH0 and AH1 are one phone")
    covered_is_silence: bool = option(
        False,
        "whether frames that masr data corrupt covered are silence, and not left out: where no speech goes on below",
    )
    layers: Literal["last", "mean"] = option("last", "the encoder's last word, or a learnt weighted mean of its layers")
    dropout: float = option(0.0, "on the frames before the output layer")
    label_smoothing: float = option(0.0, "share of each label that is spread over all classes")

    def __post_init__(self) -> None:
        if not (0 <= self.dropout < 1 and 0 <= self.label_smoothing < 1):
            raise ValueError("dropout and label_smoothing are shares, at least 0 and below 1")
        if self.classes and (self.classes[0] != SILENCE or len(set(self.classes)) < len(self.classes)):
            raise ValueError(f"classes begin with {SILENCE}, and name each phone once")

    @property
    def learns_frames(self) -> bool:
        """Tells training to read the alignment."""
        return True

    @property
    def silence(self) -> str:
        """The class of what lies between phones."""
        return SILENCE

    def name_of(self, phone: str) -> str:
        """The class that a label of the alignment belongs to."""
        if phone in self.silences or phone == SILENCE:
            return SILENCE
        return _STRESS.sub(r"\1", phone) if self.merge_stress else phone

    def number(self, phone: str) -> int:
        """The place of a phone's class; -1 where it has none."""
        name = self.name_of(phone)
        return self.classes.index(name) if name in self.classes else -1

    def completed(self, found: Collection[str]) -> Config:
        """This configuration with the classes of the training data, whose phones are `found`, where it names none."""
        names = {self.name_of(phone) for phone in found} - {SILENCE}
        config = self if self.classes else replace(self, classes=(SILENCE, *sorted(names)))
        absent = [name for name in config.classes[1:] if name not in names]
        if absent or len(config.classes) < 3:
            raise DataError(
                f"objective: the training data have no phone {', '.join(absent[:5])}"
                if absent
                else f"phones.ctm of the training data has {len(names)} phones, and learning needs two",
                fix="leave objective.classes out, or look at the alignment",
            )
        return config


def build(config: Config, encoder: Encoder, masker: Masker) -> Frames:  # noqa: ARG001 (nothing is masked here)
    """The objective around an encoder."""
    if len(config.classes) < 3:
        raise ValueError("objective.classes names fewer than silence and two phones")
    return Frames(config, encoder)


class Frames(nn.Module):
    """Scores for each class in each frame, and what they cost."""

    first_is_silence = True

    def __init__(self, config: Config, encoder: Encoder) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.layer_mean = LayerMean(encoder.num_layers + 1) if config.layers == "mean" else None
        self.dropout = nn.Dropout(config.dropout)
        self.output = Linear(encoder.dim, len(config.classes))

    def forward(self, batch: Batch) -> Losses:
        """The loss over frames that have a class, and how many are right: of all, and of those that are speech."""
        if batch.targets is None:
            raise DataError(
                "frames are classified, and the batch has no labels of frames",
                why="it was made by hand, or of a data directory without phones.ctm",
                fix="take a corpus with alignments",
            )
        encoded, logits = self.scored(batch.features, batch.lengths)
        time = logits.shape[1]
        if batch.targets.shape[1] < time:
            raise DataError(f"{batch.utts[0]} and others have fewer labels than the encoder makes frames")
        known = from_host(partial(_known, time=time), batch.targets, encoded.lengths)
        weights = None if batch.weights is None else rows_at(batch.weights[:, None].expand_as(known), known)
        labels, said = rows_at(batch.targets[:, :time], known), rows_at(logits, known)
        smoothing = self.config.label_smoothing if self.training else 0.0
        right, speech = (said.argmax(dim=1) == labels).float(), (labels > 0).float()
        return Losses(
            {"frames": cross_entropy(said, labels, weights, smoothing)},
            {
                "frame_accuracy": (right.sum(), known.sum().float()),
                "speech_accuracy": ((right * speech).sum(), speech.sum()),
            },
            encoded,
        )

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term -> its count, before anything is computed."""
        if batch.targets is None:
            return {}
        lengths = from_host(self.encoder.num_encoded, batch.lengths)
        known = from_host(partial(_known, time=longest(lengths)), batch.targets, lengths)
        return {"frames": float(len(places(known)))}

    def scored(self, features: Tensor, lengths: Tensor) -> tuple[Encoded, Tensor]:
        """What the encoder makes of its input, and (B, T, V) logits."""
        embedded, encoded_lengths = self.encoder.embed(features, lengths)
        encoded = self.encoder.contextualise(embedded, encoded_lengths, with_layers=self.layer_mean is not None)
        frames = encoded.frames
        if self.layer_mean is not None:
            frames = self.layer_mean((*encoded.layers[:-1], encoded.frames))
        logits: Tensor = self.output(self.dropout(frames))
        return encoded, logits.float()

    def code_log_probabilities(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised input -> (B, T, 1, V) of the classes, (B,) lengths."""
        encoded, logits = self.scored(features, lengths)
        return logits.log_softmax(dim=2)[:, :, None], encoded.lengths


def _known(targets: Tensor, lengths: Tensor, time: int) -> Tensor:
    """(B, S), (B,) -> (B, T) frames inside their utterance that have a class."""
    inside = torch.arange(time, device=targets.device) < lengths[:, None]
    return (targets[:, :time] >= 0) & inside
