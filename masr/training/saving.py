"""Checkpoints that are written while training goes on: copied to the host's memory, then written by a thread.

Where a model is spread over ranks each of them writes its own rows, and the first gives the folder its name once all
files are safe. The thread never speaks to other ranks, for that would mix with what they say as they train: with each
step goes how many checkpoints every rank has written, and when all have written the last one they agree on it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import torch
from torch import Tensor

from masr.io import checkpoint
from masr.io.checkpoint import Groups, Rows
from masr.training.distributed import World, from_first, gathered, local, rows_of, together


@dataclass(frozen=True)
class _Name:
    """What a checkpoint is called, what it says beside its tensors, and what is to be done when it is there."""

    folder: Path
    record: Mapping[str, Any]
    tidy: Callable[[], None]


class Saving:
    """One checkpoint at a time: begun, written by every rank, and saved when all know of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.num_begun = 0
        self.is_saved = True
        """Whether the last that was begun is saved, as far as this rank knows: all ranks know the same."""
        self._job: Future[Any] | None = None
        self._unnamed: tuple[Path, _Name] | None = None
        """Where several ranks write, and what it is to become."""
        self._copies: dict[str, Tensor] = {}

    @property
    def num_written(self) -> int:
        """Checkpoints of which this rank has written its part, well or not."""
        return self.num_begun - int(self._job is not None and not self._job.done())

    def begin(self, folder: Path, groups: Groups, record: Mapping[str, Any], tidy: Callable[[], None]) -> None:
        """Copies the tensors and begins to write them; the first rank calls `tidy` when they are saved.

        The one before is saved when this begins, or its error is raised. Every rank calls at the same time.
        """
        self.wait()

        def cleared() -> None:
            with checkpoint.disk_errors(folder):
                tidy()

        copies = self._copied(groups)
        rows = {
            group: {name: value.shape[0] for name, value in tensors.items() if rows_of(value) and value.shape[0]}
            for group, tensors in groups.items()
        }
        if any(rows.values()):
            self._write_rows(_Name(folder, record, cleared), copies, rows)
        elif self.world.is_first:
            self._start(lambda: _save(_Name(folder, record, cleared), copies))
        self.num_begun, self.is_saved = self.num_begun + 1, False

    def look(self, num_written: int) -> None:
        """Ends what was begun where all ranks have written it: together they say `num_written`, as of some step."""
        if not self.is_saved and num_written == self.num_begun * self.world.size:
            self._settle()

    def wait(self) -> None:
        """Until what was begun is saved; raises what went wrong. Every rank calls at the same time."""
        if not self.is_saved:
            self._settle()
        with together(self.world):
            self._result()

    @contextmanager
    def outlasted(self) -> Iterator[None]:
        """The block ends after the thread, by an error too: then without the others, who may not be there any more."""
        try:
            yield
        finally:
            if self._job is not None:
                self._job.exception()

    def _write_rows(self, name: _Name, copies: Groups, rows: Rows) -> None:
        with together(self.world):
            made = str(checkpoint.begin(name.folder)) if self.world.is_first else ""
        temporary = Path(from_first(made, self.world))

        def write() -> dict[str, str]:
            if self.world.rank >= self.world.spread:  # the first machine has it all
                return {}
            with checkpoint.disk_errors(name.folder):
                return checkpoint.write_groups(temporary, copies, self.world.rank, self.world.spread, rows)

        self._unnamed = temporary, name
        self._start(write)

    def _settle(self) -> None:
        self.is_saved = True
        try:
            with together(self.world):
                digests = self._result()
            if self._unnamed is not None:
                self._give_name(*self._unnamed, gathered(digests, self.world))
        finally:
            if self._unnamed is not None and self.world.is_first:
                shutil.rmtree(self._unnamed[0], ignore_errors=True)
            self._unnamed = None

    def _give_name(self, temporary: Path, name: _Name, digests: Sequence[Mapping[str, str]]) -> None:
        with together(self.world), checkpoint.disk_errors(name.folder):
            if self.world.is_first:
                whole = {file: digest for of_rank in digests for file, digest in of_rank.items()}
                checkpoint.publish(temporary, name.folder, name.record, whole)
        if self.world.is_first:
            self._start(name.tidy)

    def _start(self, work: Callable[[], Any]) -> None:
        """A thread of its own for the work, whose end or error `_result` tells."""
        job = self._job = Future[Any]()

        def run() -> None:
            try:
                job.set_result(work())
            except BaseException as error:
                job.set_exception(error)

        Thread(target=run, name="checkpoint").start()

    def _result(self) -> Any:
        """What the thread's work gave; waits for it, and raises its error."""
        job, self._job = self._job, None
        return None if job is None else job.result()

    def _copied(self, groups: Groups) -> dict[str, dict[str, Tensor]]:
        """Copies of what this rank writes, in the host's memory, which the next checkpoint uses again.

        Every rank has rows of its own; what is alike on all of them is the first one's.
        """
        found: dict[str, dict[str, Tensor]] = {}
        for group, tensors in groups.items():
            mine = {n: v for n, v in tensors.items() if self._writes(v)}
            found[group] = {name: self._copy(f"{group}/{name}", local(value)) for name, value in mine.items()}
        if self.world.device.type == "cuda":
            torch.cuda.current_stream().synchronize()
        return found

    def _writes(self, value: Tensor) -> bool:
        """Whether this rank writes something of the tensor."""
        has_rows = self.world.rank < self.world.spread and rows_of(value) is not None and local(value).numel() > 0
        return self.world.is_first or has_rows

    def _copy(self, name: str, value: Tensor) -> Tensor:
        held = self._copies.get(name)
        if held is None or (held.shape, held.dtype) != (value.shape, value.dtype):
            held = torch.empty(value.shape, dtype=value.dtype, pin_memory=value.is_cuda)
            self._copies[name] = held
        held.copy_(value.detach(), non_blocking=True)
        return held


def _save(name: _Name, groups: Groups) -> None:
    checkpoint.save(name.folder, groups, name.record)
    name.tidy()
