"""Places of utterances become a batch: cropped, padded, with codes and keys; then, on the device, normalised.

Shapes: B utterances, S frames or samples, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from masr.data.augment import Augmentation, NoiseSource
from masr.data.batching import Batches, Int64Array
from masr.data.clean_frames import CleanFrames
from masr.data.confidence import Confidences
from masr.data.dataset import Config, Input, Source, global_stats, speaker_stats
from masr.data.frame_labels import FrameLabels
from masr.data.transcripts import Transcripts
from masr.errors import DataError
from masr.features.cmvn import normalise
from masr.io.ark import read_array
from masr.io.datadir import DataDir
from masr.io.datadir.view import open_table
from masr.io.layout import TARGETS_SCP
from masr.maths.keyed_random import combine, uniform
from masr.maths.on_host import is_known, on_host, sent
from masr.types import Batch, FloatArray, Stream

_CROP, _TIME_MASK, _BIN_MASK = 50, 51, 52
_LARGE = ("features", "noise")


@dataclass(frozen=True)
class Slice:
    """Which part of every step this process makes."""

    rank: int = 0
    world: int = 1
    accumulate: int = 1

    def parts(self, batches: Batches, places: Int64Array) -> list[Int64Array]:
        """This rank's micro-batches of one step, in order: of each micro-batch one part of what all ranks hold.

        Parts cost alike with padding. Some are empty where there are fewer utterances than parts.
        """
        return [held[self.rank] for held in self.micro_batches(batches, places)]

    def micro_batches(self, batches: Batches, places: Int64Array) -> list[list[Int64Array]]:
        """Each micro-batch of one step as the parts of all ranks."""
        parts, size = batches.parts(places, self.world, self.accumulate), self.world
        return [parts[start : start + size] for start in range(0, len(parts), size)]


@dataclass(frozen=True)
class Labels:
    """What is known of each utterance, for one stream or for an objective that learns labels, which has no stream."""

    stream: Stream | None
    values: Sequence[str | None]
    """(N,) labels as text, corrupted on purpose where that was asked for."""
    ids: Int64Array
    """(N,) the labels as numbers; -1 where missing."""


def codes_of(labels: Labels, places: Int64Array) -> Tensor:
    """(B, d) codes of a stream's labels."""
    assert labels.stream is not None
    return torch.from_numpy(labels.stream.codes([labels.values[int(p)] for p in places]))


class Targets:
    """Labels of encoded frames that were made beforehand, by utterance."""

    def __init__(self, folder: Path, factor: int, num_encoded: Int64Array) -> None:
        self.folder, self.factor = folder, factor
        self.num_encoded = num_encoded
        """(L,) encoded frames: at place n, how many come out of n input frames, or samples."""
        self.table = open_table(folder / TARGETS_SCP)

    def read(self, utts: Sequence[str], firsts: Int64Array, counts: Int64Array) -> Tensor:
        """(B, T) of each utterance's window of input frames, or samples; -1 past the end."""
        sizes = self.num_encoded[counts]
        found = torch.full((len(utts), max(1, int(sizes.max()))), -1, dtype=torch.int64)
        for row, (utt, first, size) in enumerate(zip(utts, firsts // self.factor, sizes, strict=True)):
            if not size:
                continue
            entry = self.table.get(utt)
            if entry is None:
                raise DataError(
                    f"{self.folder} has no targets for {utt}", fix=f"masr cluster DATA {self.folder} --also DIR"
                )
            labels = read_array(entry)[first : first + size]
            if len(labels) < size:
                raise DataError(
                    f"{self.folder}: {utt} has fewer targets than encoded frames",
                    why="they were made for another encoder or other features",
                    fix="make them again: masr cluster DATA OUT --conf CONF, with the configuration of this run",
                )
            found[row, :size] = torch.from_numpy(labels.astype(np.int64))
        return found


@dataclass(frozen=True)
class Order:
    """Which utterances stand together in which step, which part of a step is made here, and by which random numbers."""

    batches: Batches
    seed: int
    part: Slice = Slice()
    fixed_keys: bool = False
    """Whether an utterance has the same random numbers in every step, and no noise: for validation."""

    def keys(self, places: Int64Array, step: int) -> Tensor:
        """(B,) int64, what everything random about these utterances in this step is a function of."""
        return combine(self.seed, 0 if self.fixed_keys else step, torch.from_numpy(places))


@dataclass(frozen=True)
class Known:
    """What is known of each utterance beside its speech."""

    labels: Mapping[str, Labels] = field(default_factory=dict)
    targets: Targets | FrameLabels | None = None
    transcripts: Transcripts | None = None
    confidences: Confidences | None = None
    clean: CleanFrames | None = None

    def cut_at(self, firsts: Int64Array, samples_per_frame: int) -> Int64Array:
        """(B,) first frames of crops -> the same moved to the left, where they lie between two encoded frames."""
        for known in (self.targets, self.confidences):
            if known is not None:
                firsts = firsts - firsts % (lcm(known.factor, samples_per_frame) // samples_per_frame)
        return firsts

    def read(self, data: DataDir, places: Int64Array, firsts: Int64Array, counts: Int64Array) -> dict[str, Any]:
        """The fields of a Batch that hold it; `firsts` and `counts`, (B,), are crops in input frames or samples."""
        utts = [data.utts[int(p)] for p in places]
        with_codes = {name: labels for name, labels in self.labels.items() if labels.stream is not None}
        return {
            "codes": {name: codes_of(labels, places) for name, labels in with_codes.items()},
            "labels": {name: torch.from_numpy(labels.ids[places]) for name, labels in self.labels.items()},
            "confidence": self.confidences and self.confidences.read(utts, places, firsts, counts),
            "clean": self.clean and self.clean.read(data, utts, firsts, counts),
            "targets": self.targets and self.targets.read(utts, firsts, counts),
            "transcripts": self.transcripts and self.transcripts.read(places),
            "texts": self.transcripts.texts(data, places) if self.transcripts else (),
        }


class Steps:
    """The micro-batches of a step, by its number.

    The process that trains knows which utterances a step holds and says so to those that read: the plan of an epoch is
    as large as the data, and each of them would make its own.
    """

    def __init__(self, given: Input, order: Order, known: Known = Known()) -> None:
        self.given, self.order, self.known = given, order, known
        self._opened: tuple[DataDir, Source, NoiseSource | None] | None = None

    @property
    def num_workers(self) -> int:
        """Processes that read ahead."""
        return self.given.config.num_workers

    def __getitem__(self, step: int) -> tuple[Batch, ...]:
        return self.of(step, self.places(step))

    def places(self, step: int) -> Int64Array:
        """The utterances of a step, of all ranks."""
        return self.order.batches.at(step)

    def of(self, step: int, places: Int64Array) -> tuple[Batch, ...]:
        """This rank's micro-batches of a step that holds these utterances."""
        rank = self.order.part.rank
        return tuple(
            replace(
                self.batch(held[rank], step) if len(held[rank]) else self.stand_in(places, step),
                rank_sizes=tuple(max(1, len(part)) for part in held),
            )
            for held in self.order.part.micro_batches(self.order.batches, places)
        )

    def stand_in(self, places: Int64Array, step: int) -> Batch:
        """The step's shortest utterance without its labels, for a rank that has none of its own."""
        shortest = places[[int(np.argmin(self.order.batches.lengths[places]))]]
        batch = self.batch(shortest, step)
        codes = {name: torch.full_like(value, torch.nan) for name, value in batch.codes.items()}
        labels = {name: torch.full_like(value, -1) for name, value in batch.labels.items()}
        said = None if batch.transcripts is None else torch.full_like(batch.transcripts, -1)
        return replace(batch, codes=codes, labels=labels, transcripts=said, stand_in=True)

    def batch(self, places: Int64Array, step: int) -> Batch:
        """One micro-batch on the CPU, features as they lie on disk."""
        data, source, noise = self._open()
        keys = self.order.keys(places, step)
        wanted = np.minimum(source.num_frames[places], self.order.batches.config.max_frames)
        spare = source.num_frames[places] - wanted + 1
        firsts = (uniform(keys, 1, _CROP)[:, 0].double().numpy() * spare).astype(int)
        unit = source.samples_per_frame
        firsts = self.known.cut_at(firsts, unit)
        features, lengths = padded([source.read(*map(int, crop)) for crop in zip(places, firsts, wanted, strict=True)])
        utts = tuple(data.utts[int(p)] for p in places)
        known = self.known.read(data, places, firsts * unit, lengths.numpy() if unit > 1 else wanted)
        spoilt = None if noise is None else noise.read(utts, keys, lengths)
        return Batch(utts, features, lengths, keys, **known, stats=self._stats(data, places), noise=spoilt)

    def _stats(self, data: DataDir, places: Int64Array) -> Tensor | None:
        if self.given.config.normalise != "speaker" or self.given.is_samples:
            return None
        return torch.stack([torch.from_numpy(speaker_stats(data, int(p))) for p in places])

    def _open(self) -> tuple[DataDir, Source, NoiseSource | None]:
        """The directories, opened once in each process; validation, whose keys are fixed, has no noise."""
        if self._opened is None:
            data, config, noise = DataDir.open(self.given.folder), self.given.config.noise, None
            if config.share and config.folder is not None and not self.order.fixed_keys:
                noise = NoiseSource(config.folder, config, self.given.sample_rate)
            self._opened = (data, self.given.source(data), noise)
        return self._opened

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_opened": None}


Score = Callable[[Batch, bool], tuple[Tensor, Tensor]]
"""A batch as it was read, and whether it holds frames -> how sure a CTC model is of each encoded frame, and lengths."""


class Preparation:
    """Turns a batch as it lies on disk into what the objective takes: on the device, augmented, normalised features."""

    def __init__(
        self, given: Input, device: torch.device, stats: Tensor | None = None, score: Score | None = None
    ) -> None:
        """`stats`, (2, F + 1), take the place of those of the directory; `score` adds confidences to each batch."""
        self.given, self.device, self.score = given, device, score
        config = given.config
        self.augmentation: Augmentation | None = None
        if config.noise.share or config.rooms.share:
            self.augmentation = Augmentation(config.noise, config.rooms, given.sample_rate, device)
        self.stats: Tensor | None = None
        if config.normalise == "global" and not given.is_samples:
            known = torch.from_numpy(global_stats(DataDir.open(given.folder))) if stats is None else stats
            self.stats = sent(known, device)

    @torch.no_grad()
    def __call__(self, batch: Batch, augment: bool) -> Batch:
        """The batch on the device, its features ready."""
        batch, config = to_device(batch, self.device), self.given.config
        if self.score is not None:
            batch = replace(batch, confidence=self.score(batch, config.source == "archives")[0].to(self.device))
        frames, lengths = batch.features, batch.lengths
        if augment and self.augmentation is not None:
            frames = self.augmentation(frames, lengths, batch.keys, batch.noise)
        if self.given.features is not None:
            frames, lengths = framed(self.given.features, frames, lengths)
        if config.normalise != "none" and not self.given.is_samples:
            stats = {"global": self.stats, "speaker": batch.stats, "utterance": None}[config.normalise]
            frames = normalise(frames, lengths, stats, norm_vars=True)
        if augment and (config.time_masks or config.bin_masks):
            frames = spec_augment(frames, lengths, batch.keys, config)
        return replace(batch, features=frames, lengths=lengths, stats=None, noise=None)


def framed(features: Any, waveforms: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
    """(B, S), (B,) -> (B, T, F) frames, (B,): known to the host where the samples are."""
    frames, lengths = features(waveforms, num_samples)
    if waveforms.is_cpu or not is_known(num_samples):
        return frames, lengths
    counts = torch.tensor([features.num_frames(count) for count in on_host(num_samples).tolist()])
    return frames, sent(counts, waveforms.device)


def padded(rows: Sequence[FloatArray]) -> tuple[Tensor, Tensor]:
    """(S, F) or (S,) each -> (B, S, F) or (B, S) with zeros past the ends and S at least 1, (B,) lengths."""
    lengths = torch.tensor([len(row) for row in rows])
    together = torch.zeros(len(rows), max(1, int(lengths.max())), *rows[0].shape[1:])
    for row, values in enumerate(rows):
        # a copy: what is mapped from a file cannot be written to, and torch would warn
        together[row, : len(values)] = torch.from_numpy(np.array(values, dtype=np.float32))
    return together, lengths


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Every tensor of the batch on the device; all but the speech itself stays known to the host."""
    if device.type == "cpu":
        return batch

    def move(name: str, value: object) -> object:
        if isinstance(value, Tensor):
            return value.to(device, non_blocking=True) if name in _LARGE else sent(value, device)
        return {k: move(k, v) for k, v in value.items()} if isinstance(value, Mapping) else value

    return Batch(**{name: move(name, getattr(batch, name)) for name in batch.__dataclass_fields__})  # type: ignore[arg-type]


def spec_augment(frames: Tensor, lengths: Tensor, keys: Tensor, config: Config) -> Tensor:
    """(B, S, F) with spans of frames and bands of features set to zero, the mean of normalised features."""
    time = torch.arange(frames.shape[1], device=frames.device)
    bins = torch.arange(frames.shape[2], device=frames.device)
    hidden = _stripes(keys, time, lengths, config.time_masks, config.max_time_mask, _TIME_MASK)[:, :, None]
    width = torch.full_like(lengths, frames.shape[2])
    bands = _stripes(keys, bins, width, config.bin_masks, config.max_bin_mask, _BIN_MASK)[:, None]
    return frames.masked_fill(hidden | bands, 0.0)


def _stripes(keys: Tensor, places: Tensor, sizes: Tensor, count: int, widest: int, purpose: int) -> Tensor:
    """(B, P) true inside any of `count` stripes."""
    draws = uniform(keys, 2 * max(1, count), purpose).view(len(keys), -1, 2)
    width = (draws[:, :, 0] * (widest + 1)).long()
    start = (draws[:, :, 1] * (sizes[:, None] - width + 1).clamp(min=1)).long()
    inside = (places >= start[:, :, None]) & (places < (start + width)[:, :, None])
    return inside[:, :count].any(dim=1)
