"""Trains as several ranks of one machine, in one world after the other, a folder OUT/SIZE/SCENARIO for each training.

usage: python ranks.py OUT SIZE:SCENARIO,SCENARIO ...

The ranks are forked from one process that has imported torch and computed nothing, which spares the imports.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
import traceback
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from masr.errors import MasrError
from masr.training.distributed import join_world
from small.scenarios import scenario

_LOADED_AT_FIRST_USE = ("torch._dynamo", "torch.distributed.fsdp")
"""What an optimiser and a sharded model import, a second and more in each rank if the parent does not."""


def rank_main(rank: int, size: int, port: int, out: Path, names: list[str]) -> int:
    """One rank; 0 where every scenario ended as it should."""
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(size), LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE=str(size))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    with join_world("cpu") as world:
        for name in names:
            try:
                scenario(name, out / name, world)
            except MasrError as error:
                with (out / f"{name}.errors").open("a") as stream:
                    stream.write(f"{type(error).__name__}: {error}\n")
    return 0


def world_main(size: int, out: Path, names: list[str]) -> int:
    """Forks the ranks of one world and waits for all of them; 0 where every one ended as it should."""
    out.mkdir(parents=True, exist_ok=True)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    children = []
    for rank in range(size):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = rank_main(rank, size, port, out, names)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    for rank, code in enumerate(codes):
        if code:
            print(f"rank {rank} of {size} ended with {code}", file=sys.stderr)
    return int(any(codes))


def main() -> int:
    """All worlds, as the command line names them."""
    for name in _LOADED_AT_FIRST_USE:
        importlib.import_module(name)
    out, worlds = Path(sys.argv[1]), [word.split(":") for word in sys.argv[2:]]
    return max(world_main(int(size), out / size, names.split(",")) for size, names in worlds)


if __name__ == "__main__":
    sys.exit(main())
