"""Stage 2 in one go: the jobs of an array run here, as so many processes, and are merged."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import torch

from masr.errors import DataError
from masr.features.job import Marker, Plan, discard, run_job
from masr.features.merge import Summary, merge
from masr.io.datadir import DataDir
from masr.io.one_writer import writing
from masr.io.progress import track
from masr.io.workers import end_with_parent
from masr.types import JobSlice, slice_of


def extract(data: DataDir, plan: Plan, num_processes: int = 1, max_bad: float = 0.1) -> Summary:
    """Features of every utterance of a data directory."""
    with writing(data.folder, "features"):
        discard(data.folder)
        num_jobs = max(1, min(num_processes, len(data)))
        if num_jobs == 1:
            _run_with_bar(data, plan, 1, 1)
        else:
            for _ in track(_run_jobs(data, plan, num_jobs), data.folder.name, total=len(data), unit="utt"):
                pass
        return merge(data, plan, num_jobs, max_bad)


def run_alone(data: DataDir, plan: Plan, job: int, num_jobs: int) -> Marker:
    """One job of an array in this process, with a bar."""
    with writing(data.folder, "features", JobSlice(job, num_jobs, is_merged=False)):
        return _run_with_bar(data, plan, job, num_jobs)


def merge_alone(data: DataDir, plan: Plan, num_jobs: int, max_bad: float = 0.1) -> Summary:
    """Joins what the jobs of an array have written, while none of them writes any more."""
    with writing(data.folder, "features"):
        return merge(data, plan, num_jobs, max_bad)


def _run_with_bar(data: DataDir, plan: Plan, job: int, num_jobs: int) -> Marker:
    done: queue.SimpleQueue[int] = queue.SimpleQueue()
    first, last = slice_of(len(data), job, num_jobs)
    total = last - first
    bar = track(_counted(done), data.folder.name, total=total, unit="utt")

    def report(count: int) -> None:
        for _ in range(count):
            done.put(1)
            next(bar, None)

    marker = run_job(data, plan, job, num_jobs, report)
    done.put(0)
    next(bar, None)
    return marker


def _counted(done: queue.SimpleQueue[int]) -> Iterator[int]:
    while count := done.get():
        yield count


def _run_jobs(data: DataDir, plan: Plan, num_jobs: int) -> Iterator[int]:
    """Runs the jobs as processes; yields once for every utterance that one has dealt with."""
    context = multiprocessing.get_context("spawn")
    done: Any = context.Queue()
    with ProcessPoolExecutor(num_jobs, mp_context=context, initializer=_start, initargs=(done,)) as pool:
        futures = [pool.submit(_run_here, data.folder, plan, job, num_jobs) for job in range(1, num_jobs + 1)]
        try:
            while not all(future.done() for future in futures):
                yield from _waiting(done)
                _stop_on_error(futures)
            _stop_on_error(futures)
            # A process cannot end before all that it has reported is taken.
            yield from _waiting(done)
        except BaseException:
            for process in list(pool._processes.values()):
                process.terminate()
            raise


def _waiting(done: Any) -> Iterator[int]:
    """Everything that processes report, until nothing comes for a while."""
    while True:
        try:
            count = done.get(timeout=0.2)
        except queue.Empty:
            return
        yield from [1] * count


def _stop_on_error(futures: list[Future[Marker]]) -> None:
    for future in futures:
        if future.done():
            try:
                future.result()
            except BrokenProcessPool:
                raise DataError(
                    "a process of the features stage was killed",
                    why="most often the machine ran out of memory",
                    fix="give --nj a smaller number",
                ) from None


_DONE: Any = None


def _start(done: Any) -> None:
    """Starts a process, which takes one core, because the processes share them."""
    global _DONE
    _DONE = done
    torch.set_num_threads(1)
    end_with_parent()


def _run_here(folder: Path, plan: Plan, job: int, num_jobs: int) -> Marker:
    return run_job(DataDir.open(folder), plan, job, num_jobs, _DONE.put)
