"""Confidence without transcripts: of a model's own codes, of two passes of it, or of how loud speech is.

Shapes: B utterances, S input frames or samples, T encoded frames, G codebooks, V codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.data.frame_times import fewest_inputs
from masr.errors import ConfigError
from masr.inference.emissions import Listener
from masr.inference.frame_scorer import FrameScorer
from masr.inference.load import Model
from masr.masking.confidence import at_temperature
from masr.masking.loudness import frame_power, scaled_energy, voice_activity
from masr.maths.keyed_random import combine, places_of
from masr.types import Batch

Codes = tuple[Tensor, Tensor]


class CodeReader(Listener):
    """A trained model that predicts codes or classes of frames, asked about speech of which nothing is hidden."""

    def __init__(self, model: Model, objective: Any, frame_sec: float) -> None:
        super().__init__(model, frame_sec)
        self.objective = objective.eval().requires_grad_(False).to(model.device)
        config = objective.config
        classes = getattr(config, "classes", ())
        self.of = "classes" if classes else "codes"
        self.has_blank = bool(getattr(objective, "first_is_silence", False))
        self.num_units = int(len(classes) or getattr(config, "num_codes", 0) or config.num_clusters)

    @torch.no_grad()
    def forward(self, batch: Batch) -> Codes:
        """A batch as it lies on disk, not normalised yet -> (B, T, G, V) log-probabilities, (B,) lengths."""
        inputs, lengths = self.model.ready(batch.features, batch.lengths, batch.stats)
        found: Codes = self.objective.code_log_probabilities(inputs, lengths)
        return found


class FrameReader(Listener):
    """An encoder of any objective: what it makes of speech of which nothing is hidden."""

    @torch.no_grad()
    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A batch as it lies on disk, not normalised yet -> (B, T, D) frames, (B,) lengths."""
        encoder = self.model.encoder
        inputs, lengths = self.model.ready(batch.features, batch.lengths, batch.stats)
        encoded = encoder.contextualise(*encoder.embed(inputs, lengths))
        return encoded.frames, encoded.lengths


@dataclass(frozen=True)
class TwoPasses(FrameScorer):
    """How alike two passes of one model are, each of which drops other parts of it.

    `dropout_cosine` is (1 + cosine) / 2 of the encoder's two outputs; `dropout_agreement` the chance that a code drawn
    from what the first pass says is that drawn from what the second does, the mean over codebooks. What is dropped is a
    function of the utterance's id, which is heard alone, so neither batches nor jobs change it.
    """

    @property
    def of(self) -> str:
        """What the model is sure of, in a word."""
        return self.emitter.of

    def check_measure(self) -> None:
        """ConfigError where passes would not differ."""
        if self.exclude_blank or (self.temperature != 1 and self.measure == "dropout_cosine"):
            raise ConfigError(f"{self.measure}: neither a blank nor, of outputs, a temperature has a meaning here")
        if not 0 < self.dropout < 1:
            raise ConfigError(
                f"{self.folder}: its encoder has no dropout, so that two passes of it are one and the same",
                why="it was trained without, or its dropout acts on attention alone",
                fix="say how much is to be dropped: --dropout 0.1",
            )

    def confidence(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A batch of the model's input, not normalised yet -> (B, T) in [0, 1], (B,) lengths."""
        found = [self.alone(one, utt) for one, utt in zip(_rows(batch), batch.utts, strict=True)]
        lengths = self.emitter.num_encoded(batch.lengths)
        rows = torch.zeros(len(found), max(1, int(lengths.max())), device=self.emitter.device)
        for row, values in enumerate(found):
            rows[row, : len(values)] = values
        return rows, lengths

    def alone(self, batch: Batch, utt: str) -> Tensor:
        """One utterance -> (T,)."""
        length = int(self.emitter.num_encoded(batch.lengths)[0])
        if not length:
            return torch.zeros(0, device=self.emitter.device)
        seeds = [int(combine(turn, 0, places_of([utt]))[0]) & 0x7FFFFFFF for turn in (1, 2)]
        with dropping(self.emitter.model.encoder, self.dropout):
            first, second = (self.once(batch, seed)[0, :length].float() for seed in seeds)
        if self.measure == "dropout_cosine":
            return ((1 + functional.cosine_similarity(first, second, dim=-1)) / 2).clamp(0.0, 1.0)
        chances = [at_temperature(said, self.temperature).exp() for said in (first, second)]
        agreed = (chances[0] * chances[1]).sum(dim=-1)
        return (agreed.mean(dim=-1) if agreed.dim() > 1 else agreed).clamp(0.0, 1.0)

    def once(self, batch: Batch, seed: int) -> Tensor:
        """One pass, with what this seed drops; the random numbers of others are left as they were."""
        devices = [self.emitter.device] if self.emitter.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            found: Tensor = self.emitter(batch)[0]
        return found


@dataclass(frozen=True)
class Loudness(FrameScorer):
    """How loud each frame is within its utterance, or whether it is loud: the encoder says only when frames are."""

    @property
    def of(self) -> str:
        """No model is asked."""
        return "power"

    def check_measure(self) -> None:
        """ConfigError where what belongs to probabilities is asked of power."""
        if self.exclude_blank or self.temperature != 1:
            raise ConfigError(f"{self.measure} is of no probabilities: it has neither a blank nor a temperature")

    def confidence(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A batch of log-mel frames, or of samples -> (B, T) in [0, 1], (B,) lengths."""
        encoder = self.emitter.model.encoder
        factor = int(encoder.subsampling)
        power = batch.features.double().square() if batch.features.dim() == 2 else batch.features.double().exp().sum(2)
        lengths = self.emitter.num_encoded(batch.lengths)
        first, time = max(0, (fewest_inputs(encoder) - factor) // 2), max(1, int(lengths.max()))
        energy = frame_power(power, batch.lengths, first, factor, time)
        if self.measure == "energy":
            return scaled_energy(energy, lengths), lengths
        return voice_activity(energy, lengths, self.emitter.frame_shift_sec), lengths


def own_dropout(encoder: nn.Module) -> float:
    """The greatest share that any module of the encoder drops in training."""
    return max((module.p for module in encoder.modules() if isinstance(module, nn.Dropout)), default=0.0)


@contextmanager
def dropping(encoder: nn.Module, share: float) -> Iterator[None]:
    """Every nn.Dropout of the encoder at work with this share, all else as it is when a model is used."""
    modules: Sequence[nn.Dropout] = [module for module in encoder.modules() if isinstance(module, nn.Dropout)]
    before = [(module.p, module.training) for module in modules]
    try:
        for module in modules:
            module.p, module.training = share, True
        yield
    finally:
        for module, (p, training) in zip(modules, before, strict=True):
            module.p, module.training = p, training


def _rows(batch: Batch) -> Iterator[Batch]:
    """Each utterance of a batch alone, without padding."""
    for row, (utt, length) in enumerate(zip(batch.utts, batch.lengths.tolist(), strict=True)):
        here = slice(row, row + 1)
        stats = None if batch.stats is None else batch.stats[here]
        yield replace(
            batch,
            utts=(utt,),
            features=batch.features[here, : max(1, length)],
            lengths=batch.lengths[here],
            keys=batch.keys[here],
            stats=stats,
        )
