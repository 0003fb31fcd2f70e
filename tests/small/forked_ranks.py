"""Ranks of one world, forked from a process that has imported torch and computed nothing, which spares the imports."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable

import torch

from masr.training.distributed import World, join_world


def forked_ranks(size: int, work: Callable[[World], object]) -> list[int]:
    """What each rank ended with: 0 where its work did not fail."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    children = []
    for rank in range(size):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _as_rank(rank, size, port, work)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _as_rank(rank: int, size: int, port: int, work: Callable[[World], object]) -> None:
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(size), LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE=str(size))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    with join_world("cpu") as world:
        work(world)
