"""What an objective that learns labels is given: its classes, and which utterances have which.

Such an objective's Config has `learned`, the table of its labels; `completed(found)`, itself with the classes of the
training data; and `number(label)`, the place of a label among them, -1 for none. Its batches carry the places in
labels[learned].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from masr.config import Named
from masr.data.batching import Int64Array
from masr.data.collate import Labels
from masr.data.frame_labels import phones_of
from masr.data.labels import Column, few
from masr.errors import DataError
from masr.io.datadir import DataDir
from masr.training.config import TrainConfig


def table_of(config: TrainConfig) -> str | None:
    """The table that the objective learns; None where it learns none."""
    return getattr(config.objective.config, "learned", None)


def with_classes(config: TrainConfig) -> TrainConfig:
    """The configuration with the classes of the training data named, so that the model keeps their order."""
    named: Named = config.objective
    if getattr(named.config, "learns_frames", False):
        phones: Any = named.config.completed(phones_of(DataDir.open(config.train)))
        return replace(config, objective=Named(named.name, phones, named.common))
    table = table_of(config)
    if table is None:
        return config
    data = DataDir.open(config.train)
    _require(data, table)
    column = Column(data, [table])
    found = {label for label in column if label is not None}
    completed: Any = named.config.completed(found)
    return replace(config, objective=Named(named.name, completed, named.common))


def class_labels(config: TrainConfig, data: DataDir) -> dict[str, Labels]:
    """The labels of a data directory as places among the classes; -1 where a label is missing or no class."""
    table = table_of(config)
    if table is None:
        return {}
    _require(data, table)
    column = Column(data, [table])
    number = config.objective.config.number
    places: dict[str | None, int] = {label: number(label) for label in {*column}}
    return {table: Labels(None, column, np.array([places[label] for label in column], dtype=np.int64))}


def chosen(config: TrainConfig, data: DataDir, labels: Mapping[str, Labels]) -> Int64Array | None:
    """(N,) classes of the utterances that are learnt from, -1 for all others; None where nothing is learnt."""
    table = table_of(config)
    if table is None:
        return None
    ids = labels[table].ids
    return few(ids, data.utts, config.batching.shots, config.seed) if config.batching.shots else ids


def _require(data: DataDir, table: str) -> None:
    if not data.has(table):
        raise DataError(
            f"{data.folder} has no {table}, which the objective learns",
            fix=f"name a label that is there in objective.kind: {', '.join(data.kinds()) or 'there is none'}",
        )
