"""Ranks: started by torchrun or srun, or just this process; what they agree on, and weights spread over them.

Each rank has its part of a step's batch, and what they compute together is what one process would have computed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.tensor import DTensor, Shard

from masr.errors import TrainingError
from masr.io.checkpoint import Group, rows_of_rank
from masr.models import by_length
from masr.training.config import LoopConfig

Value = TypeVar("Value")

_SMALLEST_SHARE = 0.01
"""A block with less than this of the parameters is gathered with the rest of the model, not by itself."""


@dataclass(frozen=True)
class World:
    """This process among all ranks."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")
    local_size: int = 1
    """Ranks on this machine, which share its memory."""
    spread: int = 1
    """Ranks that the rows of a sharded model are spread over: those of a machine, and the next has them all again."""

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
        yield World(rank, size, place, local_size, spread_of(size, local_size))
    finally:
        if size > 1:
            distributed.destroy_process_group()


def spread_of(size: int, local_size: int) -> int:
    """The ranks of a machine where all machines have as many of them, for there they are near each other; else all."""
    if size == 1:
        return size
    sizes = [local_size] * size
    distributed.all_gather_object(sizes, local_size)
    return local_size if set(sizes) == {local_size} and local_size > 1 and size % local_size == 0 else size


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


def wrap(tallied: nn.Module, world: World, how: LoopConfig, partly: bool) -> tuple[nn.Module, nn.Module]:
    """The module to call where ranks compute for themselves, and the one whose gradients are averaged over ranks.

    `partly`: whether some step may leave weights without a gradient, which costs a search at every step.
    """
    if world.size == 1:
        return tallied, tallied
    if how.shard:
        shard_blocks(tallied, world, how.precision != "float32", keep=how.accumulate > 1)
        return tallied, tallied
    ids = [world.device.index] if world.device.type == "cuda" else None
    # Codebooks and projections are drawn by the seed and alike on all ranks; running statistics are the first rank's.
    return tallied, nn.parallel.DistributedDataParallel(
        tallied,
        device_ids=ids,
        find_unused_parameters=partly,
        forward_sync_buffers=_has_statistics(tallied),
        gradient_as_bucket_view=True,
    )


def _has_statistics(model: nn.Module) -> bool:
    """Whether something in it keeps running statistics of batches."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())


def syncing(parallel: nn.Module, is_last: bool) -> AbstractContextManager[object]:
    """The context of a micro-batch: ranks exchange gradients, and let go of weights, after the last one of a step."""
    if _is_spread(parallel):
        parallel.set_requires_gradient_sync(is_last)  # type: ignore[operator]  # these are FSDPModule's
        parallel.set_reshard_after_backward(is_last)  # type: ignore[operator]
    elif isinstance(parallel, nn.parallel.DistributedDataParallel) and not is_last:
        context: AbstractContextManager[object] = parallel.no_sync()
        return context
    return nullcontext()


def let_go(parallel: nn.Module) -> None:
    """Lets go of the weights of others that a forward pass has gathered and nothing will go backward through."""
    for module in parallel.modules() if _is_spread(parallel) else ():
        if _is_spread(module):
            module.reshard()  # type: ignore[operator]


def _is_spread(module: nn.Module) -> bool:
    """Whether its weights are spread over ranks, asked without FSDP's import, which takes most of a second."""
    return hasattr(module, "set_requires_gradient_sync")


def drops_layers(model: nn.Module) -> bool:
    """Whether a part of the model leaves whole blocks out of training steps, by the setting that says so."""
    configs = [getattr(module, "config", None) for module in model.modules()]
    return any(getattr(config, name, 0) for config in configs for name in ("layer_drop", "layerdrop"))


def summed(values: Mapping[str, tuple[float, float]], world: World) -> dict[str, tuple[float, float]]:
    """Pairs of a sum and a count, added up over all ranks; every rank has the same names."""
    if not values or world.size == 1:
        return dict(values)
    table = torch.tensor([list(pair) for pair in values.values()], dtype=torch.float64, device=world.device)
    distributed.all_reduce(table)
    return {name: (row[0], row[1]) for name, row in zip(values, table.tolist(), strict=True)}


def any_rank(flag: bool, world: World) -> bool:
    """Whether the flag is set on at least one rank: what all of them then agree on."""
    return summed({"flag": (float(flag), 1.0)}, world)["flag"][0] > 0


@contextmanager
def together(world: World) -> Iterator[None]:
    """An error that one rank meets in the block is an error on all of them, so that none waits for another for ever."""
    trouble: Exception | None = None
    try:
        yield
    except Exception as error:
        trouble = error
    if any_rank(trouble is not None, world):
        raise trouble or TrainingError("another rank cannot go on; its own message says why")


def from_first(value: Value, world: World) -> Value:
    """The first rank's value, on every rank."""
    held = [value]
    if world.size > 1:
        distributed.broadcast_object_list(held, src=0)
    return held[0]


def gathered(value: Value, world: World) -> list[Value]:
    """Every rank's value in the order of ranks, on every rank."""
    held = [value] * world.size
    if world.size > 1:
        distributed.all_gather_object(held, value)
    return held


def shard_blocks(model: nn.Module, world: World, narrow: bool = False, keep: bool = False) -> None:
    """Spreads a model's parameters over ranks, in place: each block by itself, then what is left.

    A block is an entry of a ModuleList, as encoders keep their layers; it is gathered when it is needed and let go
    of right after, so that one block at a time is whole. `keep` holds it until a step's last micro-batch, and so it is
    gathered once a step. `narrow`: blocks travel in bfloat16, which rounds their norms' weights too, and gradients are
    added up in float32 all the same; blocks with batch norm, whose statistics are float32, travel as they are.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    by_length.keep_together()
    machines = world.size // world.spread
    shape: tuple[int, ...] = (machines, world.spread) if machines > 1 else (world.spread,)
    mesh = init_device_mesh(world.device.type, shape, mesh_dim_names=("machines", "ranks")[-len(shape) :])
    plain = MixedPrecisionPolicy()
    half = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
    total = sum(p.numel() for p in model.parameters())
    chosen: set[nn.Module] = set()
    for layers in model.modules():
        if not isinstance(layers, nn.ModuleList) or layers in chosen:
            continue
        for block in layers:
            if sum(p.numel() for p in block.parameters()) >= _SMALLEST_SHARE * total and block not in chosen:
                policy = half if narrow and not _has_statistics(block) else plain
                fully_shard(block, mesh=mesh, reshard_after_forward=not keep, mp_policy=policy)
                chosen.update(block.modules())
    fully_shard(model, mesh=mesh, reshard_after_forward=not keep)


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that this rank holds; writing to it writes to the tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """The whole of a tensor that is spread over ranks; every rank has to ask at the same time."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def rows_of(tensor: Tensor) -> tuple[int, int] | None:
    """The rows that this rank holds of a tensor that is spread over ranks, first and end; None of any other."""
    if not isinstance(tensor, DTensor):
        return None
    over = tuple(tensor.placements).index(Shard(0))
    first, last = rows_of_rank(tensor.shape[0], tensor.device_mesh.get_local_rank(over), tensor.device_mesh.size(over))
    assert last - first == tensor.to_local().shape[0]
    return first, last


@torch.no_grad()
def fill(target: Tensor, stored: Group, name: str) -> None:
    """Copies a stored tensor of the same shape: all of it, or the rows that this rank holds."""
    held = local(target)
    if held.numel():
        held.copy_(stored.read(name, rows_of(target)))
