"""Ranks: started by torchrun or Slurm, or just this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from masr.types import Losses


@dataclass(frozen=True)
class World:
    """This process among all."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this rank writes files and speaks."""
        return self.rank == 0


@contextmanager
def join_world(device: str = "auto") -> Iterator[World]:
    """The world that torchrun's environment describes; nccl on GPUs, gloo elsewhere."""
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    place = torch.device(device, local) if device == "cuda" else torch.device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if size > 1:
        distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield World(rank, size, place)
    finally:
        if size > 1:
            distributed.destroy_process_group()


def wrap(model: nn.Module, world: World) -> nn.Module:
    """The model with its gradients averaged over ranks."""
    if world.size == 1:
        return model
    ids = [world.device.index] if world.device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(model, device_ids=ids, find_unused_parameters=True)


def total_loss(losses: Losses, world: World) -> Tensor:
    """Sum over terms of weight * sum / count, counts taken over all ranks.

    Scaled by the number of ranks, because DistributedDataParallel averages gradients where we want their sum.
    """
    counts = torch.stack([term.count.detach().float() for term in losses.terms.values()])
    if world.size > 1:
        distributed.all_reduce(counts)
    total: Tensor = sum(
        (
            term.weight * term.sum / count
            for term, count in zip(losses.terms.values(), counts.clamp(min=1), strict=True)
        ),
        torch.zeros((), device=counts.device),
    )
    return total * world.size


def summed(values: Mapping[str, tuple[Tensor, Tensor]], world: World) -> dict[str, tuple[float, float]]:
    """Sums and counts over all ranks, as numbers."""
    if not values:
        return {}
    table = torch.stack([torch.stack([s.detach().double(), c.detach().double()]) for s, c in values.values()])
    if world.size > 1:
        distributed.all_reduce(table)
    return {name: (row[0], row[1]) for name, row in zip(values, table.tolist(), strict=True)}


def any_rank(flag: bool, world: World) -> bool:
    """Whether the flag is set on at least one rank: what all of them then agree on."""
    if world.size == 1:
        return flag
    shared = torch.tensor(float(flag), device=world.device)
    distributed.all_reduce(shared)
    return bool(shared > 0)
