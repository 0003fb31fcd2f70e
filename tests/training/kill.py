"""Trains once undisturbed, then again under a process that is killed until it is done: `python kill.py OUT SEED`.

Each attempt is killed in another way: by itself in the middle of a step, a write, a rename or a removal; by kill -9
from outside; or told to stop by SIGTERM or SIGUSR1. Prints one word for each attempt.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from masr.io import checkpoint
from masr.jobs.signals import REQUEUE
from masr.training.loop import train
from masr.training.meters import Meters
from small import tiny

KINDS = ["itself"] * 6 + ["kill", "kill", "term", "usr1"]


def attempt(folder: Path, dies_at: int) -> int:
    """Trains in this process, which kills itself at the given event; 0 is never."""
    torch.set_num_threads(1)
    if dies_at:
        _arm(dies_at)
    run = tiny.make_run(
        folder,
        tiny.objective("masr", dropout=0.1),
        max_steps=14,
        save_every=3,
        validate_every=4,
        log_every=2,
        keep_best=2,
        ema_decay=0.9,
        accumulate=2,
    )
    return train(tiny.with_data(run, tiny.batches(accumulate=2), tiny.validation()))


def _arm(dies_at: int) -> None:
    """Counts what matters to the disk and to the weights, before and after it happens."""
    passed = 0

    def event() -> None:
        nonlocal passed
        passed += 1
        if passed == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def around(*args: Any, **kwargs: Any) -> Any:
            event()
            result = call(*args, **kwargs)
            event()
            return result

        return around

    def half_written(path: Path, tensors: Any) -> None:
        path.write_bytes(b"half a file")
        event()
        write(path, tensors)

    write = counted(checkpoint.write_file)
    checkpoint.write_file = half_written
    os.fsync = counted(os.fsync)
    shutil.rmtree = counted(shutil.rmtree)
    for owner, name in ((Path, "rename"), (Path, "replace"), (Path, "write_text"), (torch.optim.AdamW, "step")):
        setattr(owner, name, counted(getattr(owner, name)))
    Meters._write = counted(Meters._write)  # type: ignore[method-assign]


def forked(work: Callable[[], int]) -> int:
    """The process that does the work."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def ended(child: int) -> int:
    """Its exit code, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_until_at_work(child: int, folder: Path) -> None:
    """Until the process has the folder to itself."""
    for _ in range(6000):
        if (folder / ".lock").exists() and f"process {child} " in (folder / ".lock").read_text():
            return
        time.sleep(0.01)
    raise TimeoutError(f"process {child} never began")


def main() -> int:
    """0 where every attempt ended as it was made to end, and the last one by itself."""
    out, chance = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
    if ended(forked(lambda: attempt(out / "whole", 0))) != 0:
        return 1
    for number in range(100):
        kind = chance.choice(KINDS) if number < 25 else "none"
        dies_at = chance.randint(1, 90) if kind == "itself" else 0
        child = forked(lambda at=dies_at: attempt(out / "killed", at))  # type: ignore[misc]
        if kind not in ("itself", "none"):
            wait_until_at_work(child, out / "killed")
            time.sleep(chance.uniform(0.02, 0.3))
            os.kill(child, {"kill": signal.SIGKILL, "term": signal.SIGTERM, "usr1": signal.SIGUSR1}[kind])
        code = ended(child)
        print(kind, code, flush=True)
        if code == 0:
            return 0
        if code != (REQUEUE if kind in ("term", "usr1") else -signal.SIGKILL):
            return 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
