"""Trains with processes that read ahead, in a group of its own, while signals come: `python group.py OUT`.

Prints the exit code of a run whose whole group gets SIGTERM, of one that loses a reader to kill -9, of one that is
itself killed, and of one that begins in its folder at once, while its readers may still live, and gets SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import kill

from masr.data.loader import read_ahead
from masr.errors import TrainingError
from masr.training.loop import train
from masr.types import Batch
from small import tiny

LAST = 300


class Steps:
    """The synthetic batches by step, read slowly enough that a signal meets readers at work."""

    num_workers = 2

    def __getitem__(self, step: int) -> tuple[Batch, ...]:
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
    child = kill.forked(lambda: work(folder))
    kill.wait_until_at_work(child, folder)
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
    print("group", kill.ended(child), flush=True)
    child = started(out / "reader")
    os.kill(readers(child)[0], signal.SIGKILL)
    print("reader", kill.ended(child), flush=True)
    child = started(out / "again")
    os.kill(child, signal.SIGKILL)
    print("killed", kill.ended(child), flush=True)
    child = started(out / "again")
    os.kill(child, signal.SIGTERM)
    print("again", kill.ended(child), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
