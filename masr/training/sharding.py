"""Parameters spread over ranks (FSDP), and back to whole tensors, so that a checkpoint never shows who wrote it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

_SMALLEST_SHARE = 0.01
"""A block with less than this of the parameters is gathered with the rest of the model, not by itself."""


def shard_blocks(model: nn.Module, device: str, size: int) -> None:
    """Shards in place: each block of the model by itself, then what is left.

    A block is an entry of a ModuleList, as encoders keep their layers; it is gathered when it is needed and let go
    of right after, so that one block at a time is whole.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device, (size,))
    total = sum(p.numel() for p in model.parameters())
    chosen: set[nn.Module] = set()
    for layers in model.modules():
        if not isinstance(layers, nn.ModuleList) or layers in chosen:
            continue
        for block in layers:
            if sum(p.numel() for p in block.parameters()) >= _SMALLEST_SHARE * total and block not in chosen:
                fully_shard(block, mesh=mesh)
                chosen.update(block.modules())
    fully_shard(model, mesh=mesh, reshard_after_forward=True)


def local(tensor: Tensor) -> Tensor:
    """The part that this rank holds; writing to it writes to the tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """All of it; every rank has to ask at the same time."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


@torch.no_grad()
def part_of(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor as `like` is held: the same shards on the same ranks."""
    value = value.to(like.device)
    if not isinstance(like, DTensor):
        return value
    # Every rank has read the same file, so none has to send.
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)
