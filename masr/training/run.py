"""What one training is: its configuration, folder and ranks, what it reads, the model that learns and what moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from masr.config.dump import to_dict
from masr.data.samples import sample_rate_of
from masr.errors import ConfigError
from masr.io.identity import Read
from masr.training.average import Average
from masr.training.config import TrainConfig
from masr.training.distributed import World, drops_layers, wrap
from masr.training.guard import Guard
from masr.training.meters import Meters
from masr.training.optim import build_optimizer
from masr.training.saving import Saving
from masr.training.sums import Tallied
from masr.training.transcripts import Speech
from masr.types import Batch

Reader = Callable[[int], Iterator[Sequence[Batch]]]
"""The number of a step -> the micro-batches of that step, and of each step after it."""


@dataclass(frozen=True)
class Data:
    """What a run reads."""

    training: Reader
    validation: Reader
    """All of the validation data, from step 0 on; nothing where there are none."""
    largest: Callable[[], Sequence[Batch]] | None = None
    """The micro-batches of the step that costs most memory: what has to fit before anything begins."""
    speech: Speech = Speech()
    reads: Mapping[str, Read] = field(default_factory=dict)
    """What all of it is made of, by name, on the first rank: a checkpoint that was made of anything else is refused."""


@dataclass(frozen=True)
class Run:
    """What one training is. The record stays as it is; the weights, averages and sums that it names change."""

    config: TrainConfig
    folder: Path
    world: World
    data: Data
    settings: dict[str, Any]
    """What the run came from, by key: a checkpoint of another run is refused."""
    objective: nn.Module
    """The bare objective: what is saved."""
    tallied: nn.Module
    """The objective answering with plain tensors: what is called where no gradient has to cross ranks."""
    parallel: nn.Module
    """`tallied` with gradients averaged over ranks: what is trained."""
    optimizer: torch.optim.Optimizer
    average: Average | None
    guard: Guard
    meters: Meters
    saving: Saving

    def autocast(self) -> AbstractContextManager[object]:
        """The context of a forward pass: bfloat16 where the configuration asks for it."""
        if self.config.training.precision == "float32":
            return nullcontext()
        return torch.autocast(self.world.device.type, torch.bfloat16)


def begin(config: TrainConfig, folder: Path, world: World, objective: nn.Module, data: Data, settings: Any) -> Run:
    """A run around an objective that is on its device; `settings` are what a checkpoint has to agree with.

    The order matters: sharding replaces the parameters that the optimiser and the average then hold on to.
    """
    how, optim = config.training, config.optim
    if how.shard and optim.frozen:
        raise ConfigError(
            "training.shard and optim.frozen do not go together",
            fix="freeze for good by optim.scales, or leave one of them out",
        )
    if how.compile:
        compile_blocks(objective)
    partly = drops_layers(objective) or 0 in optim.scales.values()
    tallied, parallel = wrap(Tallied(objective), world, how, partly)
    return Run(
        config,
        folder,
        world,
        data,
        to_dict(settings),
        objective,
        tallied,
        parallel,
        optimizer=build_optimizer(objective, optim),
        average=Average(objective, how.ema_decay) if how.ema_decay else None,
        guard=Guard(how.max_bad_steps, how.explode_factor, world.device),
        meters=Meters(
            folder, world, how, config.seconds_per_frame(sample_rate_of(objective.encoder)), to_dict(settings)
        ),
        saving=Saving(world),
    )


def compile_blocks(model: nn.Module) -> None:
    """Compiles the entries of every ModuleList, as encoders keep their layers.

    Whole objectives choose frames and mine triplets, which breaks the graph anyway; blocks are alike, so that what is
    compiled for one serves all, and a block that cannot be compiled runs as it is.
    """
    torch._dynamo.config.suppress_errors = True
    for layers in model.modules():
        if isinstance(layers, nn.ModuleList):
            for block in layers:
                block.compile()
