"""Ranks: started by torchrun or srun, or just this process.

Each rank has its part of a step's batch, and what they compute together is what one process would have computed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, distributed, nn

from masr.errors import MasrError, TrainingError
from masr.training.sharding import shard_blocks
from masr.types import Batch, Losses


@dataclass(frozen=True)
class World:
    """This process among all."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")
    local_size: int = 1
    """Ranks on this machine, which share its memory."""

    @property
    def is_first(self) -> bool:
        """Whether this rank writes files and speaks."""
        return self.rank == 0


@contextmanager
def join_world(device: str = "auto") -> Iterator[World]:
    """The world that the environment describes; nccl on GPUs, gloo elsewhere."""
    _translate_slurm(os.environ)
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local, local_size = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    place = torch.device(device, local) if device == "cuda" else torch.device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if size > 1:
        distributed.init_process_group("nccl" if place.type == "cuda" else "gloo", rank=rank, world_size=size)
    try:
        yield World(rank, size, place, local_size)
    finally:
        if size > 1:
            distributed.destroy_process_group()


def _translate_slurm(environment: os._Environ[str] | dict[str, str]) -> None:
    """srun's variables become torchrun's, unless torchrun's are there.

    Only a step that srun started has SLURM_STEP_NUM_TASKS: a batch script's own shell is one process, whatever its
    job asked for.
    """
    if "RANK" in environment or int(environment.get("SLURM_STEP_NUM_TASKS", "1")) < 2:
        return
    environment["RANK"] = environment["SLURM_PROCID"]
    environment["WORLD_SIZE"] = environment["SLURM_STEP_NUM_TASKS"]
    environment["LOCAL_RANK"] = environment["SLURM_LOCALID"]
    environment["LOCAL_WORLD_SIZE"] = environment.get("SLURM_STEP_TASKS_PER_NODE", "1").split("(")[0].split(",")[0]
    environment.setdefault("MASTER_ADDR", environment.get("SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1"))
    environment.setdefault("MASTER_PORT", str(20000 + int(environment.get("SLURM_JOB_ID", "0")) % 20000))


class Tally(NamedTuple):
    """What an objective found in a batch, as plain tensors by name: the form that wrappers for ranks see through."""

    sums: dict[str, Tensor]
    counts: dict[str, Tensor]
    weights: dict[str, float]
    beside: frozenset[str]
    """Terms that stand beside the objective's own."""
    figures: dict[str, tuple[Tensor, Tensor]]
    histograms: dict[str, Tensor]


class Tallied(nn.Module):
    """An objective whose answer is a Tally; the batch of a rank that has no utterances counts nothing."""

    def __init__(self, objective: nn.Module) -> None:
        super().__init__()
        self.objective = objective

    def forward(self, batch: Batch) -> Tally:
        """Sums with gradient, counts and figures without."""
        losses: Losses = self.objective(batch)
        # The graph stays, so that this rank takes part in whatever the others do in their backward pass.
        factor = 0.0 if batch.stand_in else 1.0
        return Tally(
            {name: term.sum * factor for name, term in losses.terms.items()},
            {name: term.count.detach() * factor for name, term in losses.terms.items()},
            {name: term.weight for name, term in losses.terms.items()},
            frozenset(name for name, term in losses.terms.items() if term.beside),
            {name: (s.detach() * factor, c.detach() * factor) for name, (s, c) in losses.figures.items()},
            {name: counts.detach() * factor for name, counts in losses.histograms.items()},
        )


def wrap(tallied: Tallied, world: World, shard: bool, partly: bool) -> tuple[nn.Module, nn.Module]:
    """The module to call where ranks compute for themselves, and the one whose gradients are averaged over ranks.

    `partly`: whether some step may leave weights without a gradient, which costs a search at every step.
    """
    if world.size == 1:
        return tallied, tallied
    if shard:
        shard_blocks(tallied, world.device.type, world.size)
        return tallied, tallied
    ids = [world.device.index] if world.device.type == "cuda" else None
    return tallied, nn.parallel.DistributedDataParallel(tallied, device_ids=ids, find_unused_parameters=partly)


def drops_layers(model: nn.Module) -> bool:
    """Whether a part of the model leaves whole blocks out of training steps, by the setting that says so."""
    configs = [getattr(module, "config", None) for module in model.modules()]
    return any(getattr(config, name, 0) for config in configs for name in ("layer_drop", "layerdrop"))


def total_loss(tally: Tally, world: World) -> Tensor:
    """Sum over terms of weight * sum / count, counts taken over all ranks.

    Scaled by the number of ranks, because gradients are averaged over ranks where we want their sum.
    """
    counts = torch.stack([count.float() for count in tally.counts.values()])
    if world.size > 1:
        distributed.all_reduce(counts)
    total = counts.new_zeros(())
    for (name, value), count in zip(tally.sums.items(), counts.clamp(min=1), strict=True):
        total = total + tally.weights[name] * value / count
    return total * world.size


def frame_shares(micro_batches: Sequence[Batch], world: World) -> list[float]:
    """What each micro-batch weighs in its step: its share of the step's frames, over all ranks."""
    if len(micro_batches) == 1:
        return [1.0]
    frames = [0.0 if batch.stand_in else float(batch.lengths.sum()) for batch in micro_batches]
    held = torch.tensor(frames, dtype=torch.float64, device=_exact(world))
    if world.size > 1:
        distributed.all_reduce(held)
    shares: list[float] = (held / held.sum().clamp(min=1)).tolist()
    return shares


def summed(values: Mapping[str, tuple[float, float]], world: World) -> dict[str, tuple[float, float]]:
    """Sums and counts over all ranks; every rank has the same names."""
    if not values or world.size == 1:
        return dict(values)
    table = torch.tensor([list(pair) for pair in values.values()], dtype=torch.float64, device=world.device)
    distributed.all_reduce(table)
    return {name: (row[0], row[1]) for name, row in zip(values, table.tolist(), strict=True)}


def summed_tables(values: Mapping[str, Tensor], world: World) -> dict[str, Tensor]:
    """The same of whole tables of float64; every rank has the same names and shapes."""
    if not values or world.size == 1:
        return dict(values)
    flat = torch.cat([value.flatten() for value in values.values()])
    distributed.all_reduce(flat)
    pieces = torch.split(flat, [value.numel() for value in values.values()])
    return {name: piece.view_as(value) for (name, value), piece in zip(values.items(), pieces, strict=True)}


def mean_over_ranks(value: float, world: World) -> float:
    """The same number on every rank; what is not finite on one is not finite on all."""
    return summed({"value": (value / world.size, 1.0)}, world)["value"][0]


def any_rank(flag: bool, world: World) -> bool:
    """Whether the flag is set on at least one rank: what all of them then agree on."""
    return summed({"flag": (float(flag), 1.0)}, world)["flag"][0] > 0


@contextmanager
def together(world: World) -> Iterator[None]:
    """An error that one rank meets in the block is an error on all of them, so that none waits for another for ever."""
    trouble: MasrError | None = None
    try:
        yield
    except MasrError as error:
        trouble = error
    if any_rank(trouble is not None, world):
        raise trouble or TrainingError("another rank cannot go on; its own message says why")


def from_first(value: int, world: World) -> int:
    """The first rank's number, on every rank."""
    return int(summed({"value": (float(value if world.is_first else 0), 1.0)}, world)["value"][0])


def _exact(world: World) -> torch.device:
    return world.device if world.size > 1 else torch.device("cpu")
