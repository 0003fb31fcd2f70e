"""What one training holds, and how it is put together in the right order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from masr.config import option
from masr.config.dump import to_dict
from masr.errors import ConfigError
from masr.training.average import Average
from masr.training.compiled import compile_blocks
from masr.training.distributed import Tallied, World, drops_layers, wrap
from masr.training.guard import Guard
from masr.training.meters import Meters
from masr.training.optim import Config as OptimConfig
from masr.training.optim import build_optimizer
from masr.types import Batch

Batches = Callable[[int], Iterator[Sequence[Batch]]]
"""From which step on -> the micro-batches of each step."""


@dataclass(frozen=True)
class Config:
    """How long, how often, how exact."""

    max_steps: int = option(1000, "updates in all; 0 keeps the weights as they were drawn, to compare with")
    accumulate: int = option(1, "micro-batches to one update; each weighs by its share of the step's frames")
    precision: Literal["float32", "bfloat16"] = option("float32", "of the forward pass; weights stay float32")
    compile: bool = option(False, "torch.compile the blocks of the encoder: minutes of start-up; for GPUs")
    shard: bool = option(False, "spread weights, gradients and Adam's averages over the ranks (FSDP): for large models")
    log_every: int = option(20, "steps between lines of metrics.jsonl")
    validate_every: int = option(200, "steps between validations; each is followed by a checkpoint")
    save_every: int = option(200, "steps between checkpoints")
    keep_last: int = option(2, "newest checkpoints to keep")
    keep_best: int = option(1, "best checkpoints to keep")
    final: Literal["last", "best"] = option(
        "last", "which checkpoints the final weights are the average of: the newest ones, or the best ones"
    )
    final_count: int = option(1, "how many of them; they are kept as well")
    keep_every: int | None = option(
        None, "checkpoints to keep for good, to be looked at later: of every so many steps; as save_every: all"
    )
    best_by: str = option(
        "objective_loss",
        "figure of the validation whose least is best, or, with + before it, whose greatest is; objective_loss is the "
        "loss without what stands beside the objective",
    )
    ema_decay: float = option(0.0, "decay of a running average of the weights, which then is what is saved; 0 is off")
    max_bad_steps: int = option(20, "steps in a row that are not finite or explode, before giving up")
    explode_factor: float = option(100.0, "a loss or gradient this many times its running mean is bad; 0 is off")
    memory_gib: float = option(0.0, "memory of one process that the largest batch has to fit into; 0 asks the machine")
    tensorboard: bool = option(True, "write events for TensorBoard, where it is installed")

    def __post_init__(self) -> None:
        whole = ("accumulate", "log_every", "validate_every", "save_every", "keep_last", "keep_best", "final_count")
        for name in (*whole, "max_bad_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.max_steps < 0:
            raise ValueError("max_steps must not be negative")
        if self.keep_every is not None and self.keep_every < 1:
            raise ValueError("keep_every must be at least 1, or null")
        if not 0 <= self.ema_decay < 1:
            raise ValueError("ema_decay must be at least 0 and below 1")
        if self.memory_gib < 0 or (self.explode_factor and self.explode_factor <= 1):
            raise ValueError("memory_gib must not be negative; explode_factor is 0 or above 1")


@dataclass
class Run:
    """Everything one training holds."""

    config: Config
    optim: OptimConfig
    seed: int
    folder: Path
    world: World
    objective: nn.Module
    """The bare objective: what is saved."""
    tallied: nn.Module
    """The same, answering with plain tensors: what is called where no gradient has to cross ranks."""
    parallel: nn.Module
    """The same, with gradients averaged over ranks: what is trained."""
    optimizer: torch.optim.Optimizer
    meters: Meters
    guard: Guard
    settings: dict[str, Any]
    """The whole resolved configuration: a checkpoint of another is refused."""
    average: Average | None = None

    def autocast(self) -> AbstractContextManager[object]:
        """bfloat16 where it was asked for."""
        if self.config.precision == "float32":
            return nullcontext()
        return torch.autocast(self.world.device.type, torch.bfloat16)


def start(
    config: Config,
    optim: OptimConfig,
    objective: nn.Module,
    folder: Path,
    world: World,
    settings: Any,
    seed: int = 0,
    seconds_per_frame: float = 0.01,
    quiet: bool = False,
) -> Run:
    """A run around an objective that is on its device; `settings` is the configuration that all of it came from.

    The order matters: sharding replaces the parameters that the optimiser and the average then hold on to.
    """
    if config.shard and optim.frozen:
        raise ConfigError(
            "training.shard and optim.frozen do not go together",
            fix="freeze for good by optim.scales, or leave one of them out",
        )
    if config.compile:
        compile_blocks(objective)
    partly = drops_layers(objective) or 0 in optim.scales.values()
    tallied, parallel = wrap(Tallied(objective), world, config.shard, partly)
    return Run(
        config,
        optim,
        seed,
        Path(folder),
        world,
        objective,
        tallied,
        parallel,
        build_optimizer(objective, optim),
        Meters(Path(folder), world, config.log_every, seconds_per_frame, quiet, config.tensorboard),
        Guard(config.max_bad_steps, config.explode_factor),
        to_dict(settings),
        Average(objective, config.ema_decay) if config.ema_decay else None,
    )
