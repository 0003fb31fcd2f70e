"""Ranks that share a plan: `python sharing_ranks.py WHAT SIZE`; each prints a line, and with what it ended."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from masr.data.batch_config import Config
from masr.data.batching import Batches
from masr.data.sharing import Arrays
from masr.training.distributed import World
from masr.training.on_machine import OnMachine
from small.forked_ranks import forked_ranks

LENGTHS = np.random.default_rng(0).integers(1, 400, 300)
STEPS = (0, 3, 40, 41, 100, 99)
"""Of several epochs, forwards and back."""


def plan(world: World) -> str:
    """The same steps as a plan of one's own, whatever they are balanced by; in memory that all ranks have in common.

    When it is needed no more nothing of it is left open.
    """
    for labels, stream in ((None, ""), (LENGTHS % 5, ""), (LENGTHS % 7 - 1, "x")):
        config = Config(batch_frames=6000, min_frames=5, max_frames=300, stream=stream, utterances_per_label=2)
        mine = Batches(LENGTHS, config, 1, labels)
        ours = Batches(LENGTHS, config, 1, labels, share=OnMachine(world))
        assert all(np.array_equal(mine.at(step), ours.at(step)) for step in STEPS)
        assert ours.at(0).dtype == np.int64
        assert np.array_equal(mine.lengths, ours.lengths)
    maps = "memfd:masr" in Path("/proc/self/maps").read_text()
    assert ours.lengths.flags.writeable is not maps
    del ours
    held = sum("memfd:masr" in str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return f"{'mapped' if maps else 'alone'}, {held} open"


def no_memory(world: World) -> str:
    """Memory of this kind is not to be had: the same plan, by each rank for itself."""

    def refused(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    os.memfd_create = refused  # type: ignore[assignment]
    return plan(world)


def strangers(world: World) -> str:
    """As on several machines, or in containers apart: none sees the other's processes."""
    import masr.training.on_machine as module

    module.machine = lambda: f"machine {world.rank // 2}"
    return plan(world)


def refused(world: World) -> str:
    """An error of the rank that makes the plan is an error of all."""
    try:
        Batches(LENGTHS, Config(batch_frames=1000, min_frames=500, max_frames=600), 1, share=OnMachine(world))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def broken(world: World) -> str:
    """So is one that nobody foresaw."""

    def make() -> Arrays:
        raise ZeroDivisionError("nobody thought of it")

    try:
        OnMachine(world)(make)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def dies(world: World) -> str:
    """The first rank is gone before it has made what the others wait for."""

    def make() -> Arrays:
        os._exit(9)

    share = OnMachine(world)
    try:
        share(make)
    except RuntimeError:
        return "an error"
    return "nothing"


def invisible(world: World) -> str:
    """The memory of the first rank cannot be opened: the others make the arrays for themselves."""
    import masr.training.on_machine as module

    module._seen = lambda _: None
    made: list[int] = []

    def make() -> Arrays:
        made.append(world.rank)
        return [np.arange(5)]

    found = OnMachine(world)(make)[0]
    return f"{found.tolist()} made by {made}"


WHAT: dict[str, Callable[[World], str]] = {
    one.__name__: one for one in (plan, no_memory, strangers, refused, broken, dies, invisible)
}


def main() -> int:
    """Forks the ranks and waits for all; prints what each said and ended with."""
    what, size = sys.argv[1], int(sys.argv[2])

    def work(world: World) -> None:
        said = WHAT[what](world)
        os.write(1, f"{world.rank}: {said}\n".encode())
        if what == "dies":
            os._exit(0)

    os.write(1, f"ended with {forked_ranks(size, work)}\n".encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
