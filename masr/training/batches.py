"""What a run reads: batches of the training data, and all of the validation data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from masr.config import Named
from masr.data.batching import Batches, worst_case
from masr.data.collate import Labels, Preparation, Slice, Steps, Targets
from masr.data.dataset import lengths_of
from masr.data.labels import NONE, Column, Corruption, label_set, labels_of
from masr.data.loader import prepared
from masr.errors import ConfigError
from masr.io.datadir import DataDir
from masr.metadata.codebook import check_tables, file_names
from masr.training.config import TrainConfig
from masr.training.distributed import World
from masr.training.encoded_frames import read_confidences
from masr.training.init_from import inherited_stats
from masr.training.label_classes import chosen, class_labels
from masr.training.run import Batches as Reader
from masr.training.transcripts import Speech
from masr.types import Batch, Encoder, Features, Stream

BoolArray = npt.NDArray[np.bool_]

_LOOK_AHEAD = 500
"""Steps among which the preflight looks for the costliest; with batches of like length they fill their budget early."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What batches of the training and of the validation data have in common."""

    config: TrainConfig
    world: World
    encoder: Encoder
    sample_rate: int
    speech: Speech
    preparation: Preparation
    targets: Targets | None

    def training(self, data: DataDir, labels: Mapping[str, Labels]) -> Steps:
        """The steps of the training data, in the order that the seed says."""
        config = self.config
        lengths = lengths_of(config.data, data, self.sample_rate)
        balance = balanced_by(config, data, labels)
        return Steps(
            config.train,
            config.data,
            Batches(lengths, config.batching, config.seed, balance, heard(config, data, labels, self.speech.kept)),
            Slice(self.world.rank, self.world.size, config.training.accumulate),
            config.seed,
            labels,
            self.preparation.features,
            targets=self.targets,
            sample_rate=self.sample_rate,
            lengths=lengths,
            transcripts=self.speech.train,
            confidences=read_confidences(config, data, self.encoder),
        )

    def validation(self, dev: DataDir | None, labels: Mapping[str, Labels]) -> Reader:
        """The whole validation data, each utterance with the same mask every time."""
        if dev is None:
            return lambda _: iter(())
        config = self.config
        lengths = lengths_of(config.data, dev, self.sample_rate)
        batches = Batches(lengths, replace(config.batching, stream=""), config.seed, kept=self.speech.told)
        steps = Steps(
            dev.folder,
            config.data,
            batches,
            Slice(self.world.rank, self.world.size),
            config.seed,
            labels,
            self.preparation.features,
            fixed_keys=True,
            targets=self.targets,
            sample_rate=self.sample_rate,
            transcripts=self.speech.dev,
            confidences=read_confidences(config, dev, self.encoder),
        )
        last = len(batches.epoch(0))
        return lambda first: prepared(steps, self.preparation, first, last, augment=False)

    def from_step(self, steps: Steps) -> Reader:
        """From which step on -> training batches, to the last step."""

        def training(first: int) -> Iterator[Any]:
            return prepared(steps, self.preparation, first, self.config.training.max_steps, augment=True)

        return training

    def largest_of(self, steps: Steps) -> Callable[[], tuple[Batch, ...]]:
        """The micro-batches of the step that costs most memory, made when they are asked for."""

        def largest() -> tuple[Batch, ...]:
            first = range(min(_LOOK_AHEAD, self.config.training.max_steps))
            costly = worst_case(steps.batches, first, steps.part.world, steps.part.accumulate)
            return tuple(self.preparation(batch, augment=False) for batch in steps[costly])

        return largest


def named_streams(config: TrainConfig) -> list[tuple[str, Named]]:
    """The streams by the names of their files of codes: two of one kind are told apart."""
    return list(zip(file_names([named.name for named in config.streams]), config.streams, strict=True))


def read_labels(
    config: TrainConfig, data: DataDir, dev: DataDir | None, streams: Mapping[str, Stream]
) -> tuple[dict[str, Labels], dict[str, Labels]]:
    """Per stream, and per table that classes are of: the labels to train on, corrupted where that is asked for, and the
    true ones to validate on."""
    found: dict[str, Labels] = {}
    found_dev: dict[str, Labels] = {}
    for number, (name, named) in enumerate(named_streams(config)):
        stream, settings = streams[name], named.common
        check_tables([data], stream.tables, name)
        column = Column(data, stream.tables)
        columns = [column] if dev is None else [column, Column(dev, stream.tables)]
        numbers = label_set(columns)
        corruption = Corruption(settings.label_noise, settings.label_drop, config.seed, number)
        found[name] = labels_of(column, stream, numbers, corruption)
        for other in columns[1:]:
            found_dev[name] = labels_of(other, stream, numbers, NONE)
    found |= class_labels(config, data)
    found_dev |= {} if dev is None else class_labels(config, dev)
    return found, found_dev


def prepare(config: TrainConfig, features: Features | None, world: World, sample_rate: int) -> Preparation:
    """Frames from what lies on disk, normalised by the statistics of the training data."""
    if config.data.source == "waveform":
        if features is None:
            raise ConfigError("data.source is waveform, and no features are named", fix="features: {name: log_mel}")
        if isinstance(features, nn.Module):
            features.to(world.device)
    from_audio = features if config.data.source == "waveform" else None
    preparation = Preparation(config.data, config.train, world.device, from_audio, sample_rate)
    if preparation.stats is not None and config.init is not None:
        preparation.stats = inherited_stats(config.init).to(world.device)
    return preparation


def balanced_by(config: TrainConfig, data: DataDir, labels: Mapping[str, Labels]) -> Any:
    """(N,) numbers of the labels that batches are balanced by, or drawn by where labels are learnt."""
    stream, parts = config.batching.stream, config.training.accumulate
    if stream and config.batching.utterances_per_label < 2 * parts:
        raise ConfigError(
            f"training.accumulate {parts} leaves a micro-batch fewer than two utterances of a label",
            why="triplets are found in one micro-batch at a time, over all ranks",
            fix=f"set batching.utterances_per_label to {2 * parts}, or training.accumulate to 1",
        )
    if stream:
        return labels[stream].ids if stream in labels else None
    return chosen(config, data, labels)


def heard(config: TrainConfig, data: DataDir, labels: Mapping[str, Labels], kept: BoolArray | None) -> BoolArray | None:
    """(N,) false of what no batch may hold: by `kept`, and in balanced batches what the objective does not learn from.

    That would else stand among the utterances that have no label of the stream. None where nothing is ruled out.
    """
    learnt = chosen(config, data, labels) if config.batching.stream else None
    if learnt is None:
        return kept
    return learnt >= 0 if kept is None else kept & (learnt >= 0)


def digest(batches: Batches, labels: Mapping[str, Labels]) -> str:
    """Changes when the training data do: other utterances, or other labels."""
    found = hashlib.blake2b(batches.lengths.tobytes(), digest_size=16)
    for name in sorted(labels):
        found.update(labels[name].ids.tobytes())
    return found.hexdigest()
