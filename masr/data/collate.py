"""Places of utterances become a batch: cropped, padded, with codes and keys; then, on the device, normalised.

Shapes: B utterances, S frames or samples, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import lcm
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from masr.data.augment import Augmentation, NoiseSource
from masr.data.batching import Batches, Int64Array
from masr.data.confidence import Confidences
from masr.data.dataset import Config, Source, global_stats, open_source, speaker_stats
from masr.data.padding import padded
from masr.data.transcripts import Transcripts
from masr.errors import DataError
from masr.features.cmvn import normalise
from masr.io.ark import read_array
from masr.io.audio import SAMPLE_RATE
from masr.io.datadir import DataDir
from masr.io.datadir.view import open_table
from masr.io.layout import TARGETS_SCP
from masr.maths.keyed_random import combine, uniform
from masr.types import Batch, Features, Stream

_CROP, _TIME_MASK, _BIN_MASK = 50, 51, 52


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
        return batches.parts(places, self.world, self.accumulate)[self.rank :: self.world]


@dataclass(frozen=True)
class Labels:
    """What is known of each utterance, for one stream or for an objective that learns labels, which has no stream."""

    stream: Stream | None
    values: Sequence[str | None]
    """(N,) labels as text, corrupted on purpose where that was asked for."""
    ids: Int64Array
    """(N,) the same as numbers; -1 where missing."""


def codes_of(labels: Labels, places: Int64Array) -> Tensor:
    """(B, d) codes of a stream's labels."""
    assert labels.stream is not None
    return torch.from_numpy(labels.stream.codes([labels.values[int(p)] for p in places]))


class Targets:
    """Labels of encoded frames that were made beforehand, by utterance."""

    def __init__(self, folder: Path, factor: int, num_encoded: Int64Array) -> None:
        self.folder, self.factor = folder, factor
        self.num_encoded = num_encoded
        """By number of input frames, or samples: encoded frames that come out."""
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


class Steps:
    """The micro-batches of a step, by its number: what reading processes are asked for."""

    def __init__(
        self,
        folder: Path,
        config: Config,
        batches: Batches,
        part: Slice,
        seed: int,
        labels: Mapping[str, Labels],
        features: Features | None = None,
        fixed_keys: bool = False,
        targets: Targets | None = None,
        sample_rate: int = SAMPLE_RATE,
        lengths: Int64Array | None = None,
        transcripts: Transcripts | None = None,
        confidences: Confidences | None = None,
    ) -> None:
        """`lengths` are those of the directory, where they were read for the batches."""
        self.lengths, self.transcripts, self.confidences = lengths, transcripts, confidences
        self.folder, self.config, self.batches, self.part = folder, config, batches, part
        self.seed, self.labels, self.features, self.fixed_keys = seed, labels, features, fixed_keys
        self.targets = targets
        self.sample_rate = sample_rate if features is None else features.sample_rate
        self._opened: tuple[DataDir, Source, NoiseSource | None] | None = None

    def __getitem__(self, step: int) -> tuple[Batch, ...]:
        places = self.batches.at(step)
        parts = self.part.parts(self.batches, places)
        return tuple(self.batch(part, step) if len(part) else self.stand_in(places, step) for part in parts)

    def stand_in(self, places: Int64Array, step: int) -> Batch:
        """The step's shortest utterance without its labels, for a rank that has none of its own."""
        shortest = places[[int(np.argmin(self.batches.lengths[places]))]]
        batch = self.batch(shortest, step)
        codes = {name: torch.full_like(value, torch.nan) for name, value in batch.codes.items()}
        labels = {name: torch.full_like(value, -1) for name, value in batch.labels.items()}
        said = None if batch.transcripts is None else torch.full_like(batch.transcripts, -1)
        return replace(batch, codes=codes, labels=labels, transcripts=said, stand_in=True)

    def batch(self, places: Int64Array, step: int) -> Batch:
        """One micro-batch on the CPU, features as they lie on disk."""
        data, source, noise = self._open()
        keys = combine(self.seed, 0 if self.fixed_keys else step, torch.from_numpy(places))
        wanted = np.minimum(source.num_frames[places], self.batches.config.max_frames)
        firsts = (uniform(keys, 1, _CROP)[:, 0].double().numpy() * (source.num_frames[places] - wanted + 1)).astype(int)
        unit = source.samples_per_frame
        for known in (self.targets, self.confidences):
            if known is not None:
                firsts -= firsts % (lcm(known.factor, unit) // unit)  # a cut between two encoded frames
        rows = [source.read(int(p), int(f), int(n)) for p, f, n in zip(places, firsts, wanted, strict=True)]
        features, lengths = padded(rows)
        utts = tuple(data.utts[int(p)] for p in places)
        inputs = lengths.numpy() if unit > 1 else wanted
        return Batch(
            utts,
            features,
            lengths,
            keys,
            {n: codes_of(x, places) for n, x in self.labels.items() if x.stream is not None},
            {name: torch.from_numpy(x.ids[places]) for name, x in self.labels.items()},
            confidence=self._confidence(utts, places, firsts * unit, inputs),
            targets=self._targets(utts, firsts * unit, inputs),
            transcripts=None if self.transcripts is None else self.transcripts.read(places),
            texts=() if self.transcripts is None else self.transcripts.texts(data, places),
            stats=self._stats(data, places),
            noise=None if noise is None else noise.read(utts, keys, lengths),
        )

    def _targets(self, utts: Sequence[str], firsts: Int64Array, counts: Int64Array) -> Tensor | None:
        return None if self.targets is None else self.targets.read(utts, firsts, counts)

    def _confidence(
        self, utts: Sequence[str], places: Int64Array, firsts: Int64Array, counts: Int64Array
    ) -> Tensor | None:
        return None if self.confidences is None else self.confidences.read(utts, places, firsts, counts)

    def _stats(self, data: DataDir, places: Int64Array) -> Tensor | None:
        if self.config.normalise != "speaker" or self.config.source == "samples":
            return None
        return torch.stack([torch.from_numpy(speaker_stats(data, int(p))) for p in places])

    def _open(self) -> tuple[DataDir, Source, NoiseSource | None]:
        """The directories, opened once in each process; validation, whose keys are fixed, has no noise."""
        if self._opened is None:
            data, config, noise = DataDir.open(self.folder), self.config.noise, None
            if config.share and config.folder is not None and not self.fixed_keys:
                noise = NoiseSource(config.folder, config, self.sample_rate)
            self._opened = (data, open_source(self.config, data, self.features, self.sample_rate, self.lengths), noise)
        return self._opened

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_opened": None}


class Preparation:
    """From what lies on disk to what the objective takes, on the device: augmented, made into normalised features."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        device: torch.device,
        features: Features | None = None,
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        self.config, self.device, self.features = config, device, features
        self.augmentation: Augmentation | None = None
        if config.noise.share or config.rooms.share:
            rate = sample_rate if features is None else features.sample_rate
            self.augmentation = Augmentation(config.noise, config.rooms, rate, device)
        self.scorer: Callable[[Batch, bool], tuple[Tensor, Tensor]] | None = None
        """Says of a batch as it was read how sure a CTC model is of each encoded frame."""
        self.stats: Tensor | None = None
        if config.normalise == "global" and config.source != "samples":
            self.stats = torch.from_numpy(global_stats(DataDir.open(folder))).to(device)

    @torch.no_grad()
    def __call__(self, batch: Batch, augment: bool) -> Batch:
        """The batch on the device, its features ready."""
        batch = to_device(batch, self.device)
        if self.scorer is not None:
            batch = replace(batch, confidence=self.scorer(batch, self.config.source == "archives")[0].to(self.device))
        frames, lengths = batch.features, batch.lengths
        if augment and self.augmentation is not None:
            frames = self.augmentation(frames, lengths, batch.keys, batch.noise)
        if self.features is not None:
            frames, lengths = self.features(frames, lengths)
        if self.config.normalise != "none" and self.config.source != "samples":
            stats = {"global": self.stats, "speaker": batch.stats, "utterance": None}[self.config.normalise]
            frames = normalise(frames, lengths, stats, norm_vars=True)
        if augment and (self.config.time_masks or self.config.bin_masks):
            frames = spec_augment(frames, lengths, batch.keys, self.config)
        return replace(batch, features=frames, lengths=lengths, stats=None, noise=None)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Every tensor of the batch on the device."""
    if device.type == "cpu":
        return batch

    def move(value: object) -> object:
        if isinstance(value, Tensor):
            return value.to(device, non_blocking=True)
        return {k: move(v) for k, v in value.items()} if isinstance(value, Mapping) else value

    return Batch(**{name: move(getattr(batch, name)) for name in batch.__dataclass_fields__})  # type: ignore[arg-type]


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
