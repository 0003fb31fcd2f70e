"""Trains as several ranks of one machine, in one world after the other, a folder OUT/SIZE/SCENARIO for each training.

usage: python ranks.py OUT SIZE:SCENARIO,SCENARIO ...
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from masr.errors import MasrError
from masr.training.distributed import World
from small.forked_ranks import forked_ranks
from small.scenarios import scenario

_LOADED_AT_FIRST_USE = ("torch._dynamo", "torch.distributed.fsdp")
"""What an optimiser and a sharded model import, a second and more in each rank if the parent does not."""


def world_main(size: int, out: Path, names: list[str]) -> int:
    """All scenarios in one world after the other; 0 where every rank ended as it should."""
    out.mkdir(parents=True, exist_ok=True)

    def work(world: World) -> None:
        for name in names:
            try:
                scenario(name, out / name, world)
            except MasrError as error:
                with (out / f"{name}.errors").open("a") as stream:
                    stream.write(f"{type(error).__name__}: {error}\n")

    codes = forked_ranks(size, work)
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
