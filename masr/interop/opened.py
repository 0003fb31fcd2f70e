"""A run as an export sees it: its encoder, what it learnt on top of that, and what names its answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from masr.api import config_of_run, identifier, load, transcriber
from masr.errors import CheckpointError
from masr.inference.load import Model
from masr.io.layout import MODEL
from masr.io.trained import open_trained
from masr.training.config import TrainConfig
from masr.training.transcripts import transcribes
from masr.types import Units

Kind = Literal["encoder", "ctc", "lid"]


@dataclass(frozen=True)
class Opened:
    """A run whose weights are in memory, on the CPU."""

    folder: Path
    config: TrainConfig
    kind: Kind
    model: Model
    objective: Any = None
    """Of CTC and language identification: what scores units or languages, around the model's encoder."""
    units: Units | None = None
    labels: tuple[str, ...] = ()

    @property
    def run(self) -> Path:
        """The folder of the run, where `folder` is one of its checkpoints."""
        return open_trained(self.folder).run


def open_run(folder: Path) -> Opened:
    """The run, or RUN@STEP; CheckpointError where it is none, or has not ended."""
    trained = open_trained(folder)
    if trained.is_transformers:
        raise CheckpointError(
            f"{folder}: is a folder that transformers wrote, and no run",
            why="only what was trained here needs to be brought into another format",
            fix=f"copy it as it is: cp -r {folder} OUT",
        )
    config = config_of_run(folder)
    if not trained.is_there:
        raise CheckpointError(
            f"{folder}: has no {MODEL} yet",
            why="the training has not ended",
            fix=f"wait for it, or export a checkpoint that it kept: {folder}@STEP",
        )
    model = load(folder, "cpu")
    if transcribes(config):
        emitter = transcriber(folder, "cpu", model)
        return Opened(folder, config, "ctc", model, emitter.objective, emitter.units)
    if hasattr(config.objective.config, "learned"):
        found = identifier(folder, "cpu", model)
        return Opened(folder, config, "lid", model, found.objective, labels=found.languages)
    return Opened(folder, config, "encoder", model)
