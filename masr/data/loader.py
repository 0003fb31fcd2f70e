"""Steps read ahead by other processes, in order; the order itself is decided in batching."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

from masr.data.batching import Int64Array
from masr.data.collate import Preparation, Steps
from masr.errors import TrainingError
from masr.types import Batch

_RAISED_THERE = "in DataLoader worker process"
"""Stands in the message of an error that a reading process raised, and that is raised again here."""


def prepared(
    steps: Steps, preparation: Preparation, first: int, last: int, augment: bool
) -> Iterator[tuple[Batch, ...]]:
    """The micro-batches of steps `first` to `last` - 1, ready for the objective."""
    for micro_batches in read_ahead(steps, first, last):
        yield tuple(preparation(batch, augment) for batch in micro_batches)


def read_ahead(steps: Steps, first: int, last: int) -> Iterator[tuple[Batch, ...]]:
    """The micro-batches of steps `first` to `last` - 1 as they lie on disk; workers read some steps ahead."""
    workers = min(steps.num_workers, max(0, last - first))
    loader: Any = torch.utils.data.DataLoader(
        _Read(steps),
        batch_size=None,
        sampler=((step, steps.places(step)) for step in range(first, last)),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        collate_fn=_as_is,  # type: ignore[arg-type]
        worker_init_fn=_settle,
    )
    with dead_workers():
        try:
            yield from loader
        except (EOFError, ConnectionError) as error:  # it died while it handed a tensor over
            if _RAISED_THERE in str(error):
                raise
            _wait_for_the_signal()
            raise _died(f"the connection to it ended: {error or type(error).__name__}") from None


class _Read(torch.utils.data.Dataset[tuple[Batch, ...]]):
    """Steps as reading processes are asked for them: by number and utterances."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def __getitem__(self, asked: tuple[int, Int64Array]) -> tuple[Batch, ...]:
        return self.steps.of(*asked)


@contextmanager
def dead_workers() -> Iterator[None]:
    """Makes the death of a reading process an error that a user can do something about.

    PyTorch raises it from the signal that tells of a child's death, so wherever the training process happens to be.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error) or _RAISED_THERE in str(error):
            raise
        raise _died(str(error).splitlines()[0]) from None


def _wait_for_the_signal() -> None:
    """Waits for the signal of a child's death, which may come after its connection has ended, and then interrupts."""
    with suppress(RuntimeError):
        time.sleep(1)


def _died(how: str) -> TrainingError:
    return TrainingError(
        f"a process that reads data died: {how}",
        why="it was killed from outside, most often because memory ran out",
        fix="give the job more memory or lower data.num_workers, and run the same command again",
    )


def _as_is(micro_batches: tuple[Batch, ...]) -> tuple[Batch, ...]:
    return micro_batches


def _settle(number: int) -> None:  # noqa: ARG001 (DataLoader's own signature)
    """Makes a reading process deaf to a scheduler's signals: the process that trains decides, and still needs data."""
    torch.set_num_threads(1)
    for asked in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(asked, signal.SIG_IGN)
