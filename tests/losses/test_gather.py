"""Rows of all ranks: the same whether their numbers are known or asked for, and few meetings whatever is gathered."""

from __future__ import annotations

import os
import socket
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import distributed, nn

from masr.losses.gather import gather, gather_columns, sum_of_ranks
from masr.objectives.masr import StreamConfig, wrap
from masr.training.sums import Tallied, total_loss
from masr.types import Batch
from small import objectives, tiny
from small.ranks import many_ranks

SIZES = (3, 1)


def columns(rank: int) -> list[torch.Tensor]:
    """A matrix, codes with a gap, labels too large for float32."""
    random = torch.Generator().manual_seed(rank)
    count = SIZES[rank]
    real, codes = torch.randn(count, 4, generator=random), torch.randn(count, 2, generator=random)
    codes[0, 1] = torch.nan
    return [real, codes, torch.randint(1 << 40, 1 << 60, (count,), generator=random)]


def as_rank(rank: int, port: int, folder: Path) -> None:
    """Gathers in several ways and writes what came."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    distributed.init_process_group("gloo", rank=rank, world_size=2)
    real, codes, labels = columns(rank)
    found: dict[str, torch.Tensor] = {}
    for name, sizes in (("known", SIZES), ("asked", ())):
        given = real.clone().requires_grad_()
        (together, all_codes), own = gather_columns([given, codes], sizes)
        (together * torch.arange(16.0).view(4, 4) * (rank + 1)).sum().backward()
        all_labels, _ = gather(labels, sizes)
        assert given.grad is not None and own == (slice(0, 3), slice(3, 4))[rank]
        kept = {"real": together.detach(), "codes": all_codes, "labels": all_labels, "gradient": given.grad}
        found |= {f"{name}_{what}": value.contiguous() for what, value in kept.items()}
    vector = torch.tensor([1.0 + rank], requires_grad=True)
    found["sum"] = sum_of_ranks(vector)
    (found["sum"] * (rank + 2)).sum().backward()
    assert vector.grad is not None
    save_file({**found, "sum": found["sum"].detach(), "slope": vector.grad}, folder / f"{rank}.safetensors")
    with pytest.raises(ValueError, match=r"rank . has . rows, and of 2 ranks these are said: \[2, 2\]"):
        gather(real, (2, 2))
    distributed.destroy_process_group()


def test_two_ranks_get_the_rows_of_both_and_their_own_gradients(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                torch.set_num_threads(1)
                as_rank(rank, port, tmp_path)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    real, codes, labels = (torch.cat(pair) for pair in zip(columns(0), columns(1), strict=True))
    weights = torch.arange(16.0).view(4, 4) * 3  # of both ranks' losses
    for rank, own in enumerate((slice(0, 3), slice(3, 4))):
        found = load_file(tmp_path / f"{rank}.safetensors")
        for name in ("known", "asked"):
            assert torch.equal(found[f"{name}_real"], real)
            torch.testing.assert_close(found[f"{name}_codes"], codes, rtol=0, atol=0, equal_nan=True)
            assert torch.equal(found[f"{name}_labels"], labels)
            torch.testing.assert_close(found[f"{name}_gradient"], weights[own])
        assert found["sum"].tolist() == [3.0] and found["slope"].tolist() == [5.0]


def met(num_streams: int, batch: Batch, **config: Any) -> dict[str, int]:
    """Collectives of forward and backward with so many streams."""
    torch.manual_seed(0)
    streams = {n: (tiny.Cosine(), StreamConfig(projection_dim=8, **config)) for n in "xyz"[:num_streams]}
    model: nn.Module = Tallied(wrap(objectives.make("best_rq"), streams)).train()
    with many_ranks(4) as counted:
        total_loss(model(batch), tiny.World(size=4)).backward()
    return dict(counted)


def test_any_number_of_streams_meets_as_often_as_one() -> None:
    plain = objectives.batch()
    labels = {name: torch.tensor([0, 0, 1]) for name in "xyz"}
    codes = {name: torch.eye(4)[[0, 0, 1]] for name in "xyz"}
    batch = Batch(plain.utts, plain.features, plain.lengths, plain.keys, codes, labels, rank_sizes=(3,) * 4)
    one = met(1, batch)
    # vectors and codes, numbers; counts, the gradients' lengths, the vectors' gradients
    assert one == {"all_gather": 2, "all_reduce": 3}
    assert met(3, batch) == one
    assert met(3, batch, mining="label", variance_floor=0.2, memory=4) == one
