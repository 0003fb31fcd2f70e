"""The training loop. It takes an objective it knows nothing about, and survives what a cluster does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from masr.config import option
from masr.errors import TrainingError
from masr.training.distributed import World, summed, total_loss
from masr.training.meters import Meters
from masr.training.optim import Config as OptimConfig
from masr.training.optim import learning_rate, set_learning_rate
from masr.training.resume import finish, resume, save_state
from masr.training.signals import REQUEUE, Stop
from masr.types import Batch

Batches = Callable[[int], Iterator[Sequence[Batch]]]
"""From which step on -> the micro-batches of each step."""


@dataclass(frozen=True)
class Config:
    """How long, how often, how exact."""

    max_steps: int = option(1000, "updates in all")
    accumulate: int = option(1, "micro-batches to one update, each with its part of the step's batch")
    precision: Literal["float32", "bfloat16"] = option("float32", "of the forward pass; weights stay float32")
    compile: bool = option(False, "torch.compile the objective: minutes of start-up for a few per cent on a CPU")
    log_every: int = option(20, "steps between lines of metrics.jsonl")
    validate_every: int = option(200, "steps between validations")
    save_every: int = option(200, "steps between checkpoints")
    keep_last: int = option(2, "newest checkpoints to keep")
    keep_best: int = option(1, "best checkpoints to keep; the final weights are their average")
    ema_decay: float = option(0.0, "decay of a running average of the weights, which then is what is saved; 0 is off")
    max_bad_steps: int = option(20, "steps in a row with a loss or gradient that is not finite, before giving up")
    explode_factor: float = option(100.0, "a gradient this many times its running mean counts as bad; 0 is off")


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
    parallel: nn.Module
    """The same, wrapped for ranks: what is called."""
    optimizer: torch.optim.Optimizer
    meters: Meters
    fingerprint: str
    """Of the resolved configuration: a checkpoint of another is refused."""
    average: dict[str, Tensor] | None = None
    """Running average of the weights."""
    bad_steps: int = 0
    usual_norm: float = 0.0


def train(run: Run, batches: Batches, validation: Batches) -> int:
    """Trains to the last step and writes the final weights; returns the exit code."""
    step = resume(run)
    with Stop() as stop, run.meters.showing(step, run.config.max_steps):
        for micro_batches in batches(step) if step < run.config.max_steps else ():
            update(run, micro_batches, step)
            step += 1
            if step % run.config.validate_every == 0 or step == run.config.max_steps:
                run.meters.validated(step, validate(run, validation))
            asked = stop.asked(run.world)
            if step % run.config.save_every == 0 or step == run.config.max_steps or asked:
                save_state(run, step)
            if step == run.config.max_steps:
                break
            if asked:
                return REQUEUE
    finish(run)
    return 0


def update(run: Run, micro_batches: Sequence[Batch], step: int) -> None:
    """One step: forward and backward over its micro-batches, then one move of the weights, unless something is off."""
    run.objective.train()
    # Dropout is a function of seed, step and rank, so a resumed run needs no state of the generator.
    torch.manual_seed(hash((run.seed, step, run.world.rank)) & 0x7FFFFFFF)
    getattr(run.objective, "advance", _nothing)(step)
    run.optimizer.zero_grad(set_to_none=True)
    values = []
    for number, batch in enumerate(micro_batches):
        last = number == len(micro_batches) - 1
        with syncing(run, last), autocast(run):
            losses = run.parallel(batch)
            loss = total_loss(losses, run.world) / len(micro_batches)
        loss.backward()  # type: ignore[no-untyped-call]
        values.append(loss.detach())
        run.meters.add(batch, losses)
    norm = clip(run)
    if usable(run, torch.stack(values).sum(), norm, step):
        set_learning_rate(run.optimizer, learning_rate(run.optim, step, run.config.max_steps))
        run.optimizer.step()
        follow(run)
    run.meters.stepped(step + 1, norm, run.optimizer.param_groups[0]["lr"])


@torch.no_grad()
def validate(run: Run, validation: Batches) -> dict[str, tuple[float, float]]:
    """Sums and counts of every term and figure over the whole of the validation data."""
    run.objective.eval()
    totals: dict[str, tuple[float, float]] = {}
    for micro_batches in validation(0):
        for batch in micro_batches:
            with autocast(run):
                losses = run.objective(batch)
            found = {name: (term.sum, term.count) for name, term in losses.terms.items()}
            for name, (value, count) in summed({**found, **losses.figures}, run.world).items():
                before = totals.get(name, (0.0, 0.0))
                totals[name] = (before[0] + value, before[1] + count)
    return totals


def clip(run: Run) -> float:
    """Length of the gradient before it was scaled down."""
    parameters = [p for p in run.objective.parameters() if p.grad is not None]
    limit = run.optim.clip_norm or float("inf")
    return float(torch.nn.utils.clip_grad_norm_(parameters, limit))


def usable(run: Run, loss: Tensor, norm: float, step: int) -> bool:
    """Whether the weights may move; a step that is not finite, or explodes, is skipped and counted."""
    finite = bool(torch.isfinite(loss)) and norm < float("inf")
    factor = run.config.explode_factor
    exploded = finite and step >= 100 and 0 < factor * run.usual_norm < norm
    if finite and not exploded:
        run.bad_steps = 0
        run.usual_norm = norm if run.usual_norm == 0 else 0.98 * run.usual_norm + 0.02 * norm
        return True
    run.bad_steps += 1
    run.meters.skipped(step + 1)
    if run.bad_steps >= run.config.max_bad_steps:
        raise TrainingError(
            f"{run.bad_steps} steps in a row, up to {step + 1}, had a loss or gradient that explodes or is not finite",
            why="the learning rate is too high for this model, or the input holds values that are not finite",
            fix="lower optim.peak_lr or raise optim.warmup_steps; the last checkpoint is from before the trouble",
        )
    return False


@torch.no_grad()
def follow(run: Run) -> None:
    """The running average takes a step towards the weights."""
    if run.average is None:
        return
    for name, value in run.objective.state_dict().items():
        if value.is_floating_point():
            run.average[name].lerp_(value, 1 - run.config.ema_decay)
        else:
            run.average[name].copy_(value)


def syncing(run: Run, last: bool) -> AbstractContextManager[object]:
    """Gradients meet the other ranks' only after the last micro-batch."""
    if last or not isinstance(run.parallel, nn.parallel.DistributedDataParallel):
        return nullcontext()
    context: AbstractContextManager[object] = run.parallel.no_sync()
    return context


def autocast(run: Run) -> AbstractContextManager[object]:
    """bfloat16 where it was asked for."""
    if run.config.precision == "float32":
        return nullcontext()
    return torch.autocast(run.world.device.type, torch.bfloat16)


def _nothing(step: int) -> None:
    """For objectives that do not ask which step it is."""
