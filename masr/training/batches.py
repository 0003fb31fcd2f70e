"""What a run reads: batches of the training data, and all of the validation data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from masr.config import Named
from masr.data.batching import Batches, Int64Array, worst_case
from masr.data.collate import Known, Labels, Order, Preparation, Slice, Steps
from masr.data.dataset import Input
from masr.data.labels import NONE, Column, Corruption, label_set, labels_of
from masr.data.loader import prepared
from masr.data.sharing import Share, alone
from masr.data.transcripts import Transcripts
from masr.errors import ConfigError
from masr.features.stored_stats import read_stats
from masr.io.datadir import DataDir
from masr.metadata.codebook import check_tables, file_names
from masr.training.config import TrainConfig
from masr.training.distributed import World
from masr.training.encoded_frames import EncodedFrames, Scorer
from masr.training.label_classes import chosen, class_labels
from masr.training.on_machine import OnMachine
from masr.training.run import Data
from masr.training.transcripts import Speech
from masr.types import Batch, Stream

BoolArray = npt.NDArray[np.bool_]

_LOOK_AHEAD = 500
"""Steps among which the preflight looks for the costliest; with batches of like length they fill their budget early."""


@dataclass(frozen=True, eq=False)
class Reading:
    """The training data and the validation data of a run, and what is known of their utterances."""

    frames: EncodedFrames
    world: World
    train: DataDir
    dev: DataDir | None
    labels: tuple[Mapping[str, Labels], Mapping[str, Labels]]
    """Those of `train`, and those of `dev`."""
    speech: Speech
    scorer: Scorer | None = None

    @cached_property
    def share(self) -> Share:
        """How what ranks know alike of the training data is made once on each machine."""
        return OnMachine(self.world) if self.world.size > 1 else alone

    @cached_property
    def lengths(self) -> Int64Array:
        """(N,) what batches of the training data are filled by."""
        return self.share(lambda: [self.frames.lengths(self.train)])[0]

    def training(self) -> Steps:
        """The steps of the training data, in the order that the seed says."""
        config, labels, lengths = self.frames.config, self.labels[0], self.lengths
        balance = balanced_by(config, self.train, labels)
        kept = heard(config, self.train, labels, self.speech.kept)
        batches = Batches(lengths, config.batching, config.seed, balance, kept, self.share)
        order = Order(batches, config.seed, Slice(self.world.rank, self.world.size, config.training.accumulate))
        return Steps(self.frames.input(self.train, lengths), order, self._known(self.train, labels, self.speech.train))

    def validation(self, dev: DataDir) -> Steps:
        """The whole validation data, each utterance with the same mask every time."""
        config, lengths = self.frames.config, self.frames.lengths(dev)
        plain = replace(config.batching, stream="")
        batches = Batches(lengths, plain, config.seed, kept=self.speech.has_reference)
        order = Order(batches, config.seed, Slice(self.world.rank, self.world.size), fixed_keys=True)
        return Steps(self.frames.input(dev, lengths), order, self._known(dev, self.labels[1], self.speech.dev))

    def data(self) -> Data:
        """All that a run reads: the steps of the training data, from any of them on, and the validation data."""
        config, dev, steps = self.frames.config, self.dev, self.training()
        preparation = self._preparation(steps.given)

        def training(first: int) -> Iterator[Any]:
            return prepared(steps, preparation, first, config.training.max_steps, augment=True)

        def largest() -> tuple[Batch, ...]:
            first = range(min(_LOOK_AHEAD, config.training.max_steps))
            costly = worst_case(steps.order.batches, first, steps.order.part.world, steps.order.part.accumulate)
            return tuple(preparation(batch, augment=False) for batch in steps[costly])

        if dev is None:
            return Data(training, lambda _: iter(()), largest, self.speech)
        checks = self.validation(dev)
        last = len(checks.order.batches.epoch(0))
        return Data(
            training, lambda first: prepared(checks, preparation, first, last, augment=False), largest, self.speech
        )

    def _known(self, data: DataDir, labels: Mapping[str, Labels], transcripts: Transcripts | None) -> Known:
        return Known(
            labels, self.frames.targets(data), transcripts, self.frames.confidences(data), self.frames.clean(data)
        )

    def _preparation(self, given: Input) -> Preparation:
        """Normalised by the statistics of the training data, or by those that the encoder learnt with."""
        config = self.frames.config
        is_global = config.data.normalise == "global" and not given.is_samples
        stats = read_stats(config.init) if config.init is not None and is_global else None
        features: Any = given.features
        if isinstance(features, nn.Module):
            features.to(self.world.device)
        return Preparation(given, self.world.device, stats, self.scorer)


def named_streams(config: TrainConfig) -> list[tuple[str, Named]]:
    """The streams by the names of their files of codes: two of one kind are told apart."""
    return list(zip(file_names([named.name for named in config.streams]), config.streams, strict=True))


def read_labels(
    config: TrainConfig, data: DataDir, dev: DataDir | None, streams: Mapping[str, Stream]
) -> tuple[dict[str, Labels], dict[str, Labels]]:
    """Labels by stream, and by the table that classes are of: those of the training data, and those of the validation.

    The first are corrupted where that is asked for, the second are true.
    """
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
    """(N,) true where an utterance may stand in a batch; None where all may.

    No batch holds what `kept` rules out. Balanced batches hold nothing that the objective does not learn from either:
    it would stand among the utterances that have no label of the stream.
    """
    learnt = chosen(config, data, labels) if config.batching.stream else None
    if learnt is None:
        return kept
    return learnt >= 0 if kept is None else kept & (learnt >= 0)
