"""Trains with processes that read ahead, in a group of its own, while signals come: `python group.py OUT`.

Prints the exit code of a run whose whole group gets SIGTERM, of one that loses a reader to kill -9, of one that is
itself killed, and of one that begins in its folder at once, while its readers may still live, and gets SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from masr.data.loader import read_ahead
from masr.errors import TrainingError
from masr.training.loop import train
from masr.types import Batch
from small import tiny

LAST = 300


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


class Steps:
    """The synthetic batches by step, read slowly enough that a signal meets readers at work."""

    num_workers = 2

    def places(self, step: int) -> int:
        return step

    def of(self, step: int, _places: int) -> tuple[Batch, ...]:
        time.sleep(0.01)
        return tuple(next(tiny.batches()(step)))


def work(folder: Path) -> int:
    """A run that would take much longer than it is given; 2 where it ends with an error for users."""
    os.setsid()
    torch.set_num_threads(1)
    run = tiny.make_run(folder, max_steps=LAST, log_every=1, validate_every=LAST, save_every=LAST)
    try:
        return train(tiny.with_data(run, lambda first: read_ahead(Steps(), first, LAST), tiny.nothing))  # type: ignore[arg-type]
    except TrainingError as error:
        print(error.what, flush=True)
        return 2


def started(folder: Path) -> int:
    """A run that has done its first steps."""
    child = forked(lambda: work(folder))
    wait_until_at_work(child, folder)
    while not (folder / "metrics.jsonl").exists() or (folder / "metrics.jsonl").stat().st_size < 500:
        time.sleep(0.01)
    return child


def readers(child: int) -> list[int]:
    """Processes that it started."""
    return [int(pid) for pid in Path(f"/proc/{child}/task/{child}/children").read_text().split()]


def main() -> int:
    """The three runs."""
    out = Path(sys.argv[1])
    child = started(out / "group")
    os.killpg(child, signal.SIGTERM)
    print("group", ended(child), flush=True)
    child = started(out / "reader")
    os.kill(readers(child)[0], signal.SIGKILL)
    print("reader", ended(child), flush=True)
    child = started(out / "again")
    os.kill(child, signal.SIGKILL)
    print("killed", ended(child), flush=True)
    child = started(out / "again")
    os.kill(child, signal.SIGTERM)
    print("again", ended(child), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
