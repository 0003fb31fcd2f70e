"""What masr/jobs/watch.py asks of a scheduler, and the batch script that every scheduler starts.

Nothing is kept in files: a job's log tells whether it has ended well, and the scheduler's own list tells what waits or
runs. Each array carries two short hashes in the scheduler's list, of where it writes and of what it is, so that a call
whose launcher was killed finds its array again.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from masr.io.identity import digest
from masr.jobs import program
from masr.jobs.joblog import ATTEMPT, attempt_line, quote
from masr.jobs.launch_line import JobArray, pieces
from masr.jobs.node import MARK

NOT_RUN = "cancelled: a job that it was to come after did not end well"


class SchedulerError(Exception):
    """The scheduler refuses, or does not answer."""


@dataclass(frozen=True)
class Seen:
    """One job in the scheduler's list."""

    array_id: str
    number: int
    state: str
    """waiting, running, ended well, ended badly."""
    why: str = ""
    """Why it waits, or how it ended."""
    code: int | None = None
    """Exit code of one that ended badly, -N for signal N."""
    name: str = ""
    """What the scheduler calls its array."""


@dataclass(frozen=True)
class Mark:
    """What an array carries in the scheduler's list."""

    place: str
    """Hash of where it writes."""
    what: str
    """Hash of what it is: place, command and attempt."""

    @classmethod
    def of(cls, array: JobArray) -> Mark:
        """The same for calls that would do the same."""
        where = [str(Path.cwd()), array.log]
        what = [*where, array.variable, *array.command, os.environ.get(ATTEMPT, "")]
        return cls(digest(where)[:12], digest(what)[:12])


class Scheduler(Protocol):
    """What differs between schedulers."""

    program: str
    cancel_command: str

    def submit(self, array: JobArray, numbers: Sequence[int], mark: Mark) -> list[str]:
        """Ids of the arrays that these jobs became; raises SchedulerError, or UsageError."""

    def at_work(self, place: str) -> list[tuple[Mark, Seen]]:
        """The user's jobs that wait or run and write to this place."""

    def look(self, ids: Iterable[str]) -> list[Seen]:
        """Every job of these arrays in the scheduler's list; where a number is in several, the latest comes last."""

    def account(self, ids: Iterable[str], number: int) -> Seen | None:
        """How a job ended that left the list, where accounts are kept."""

    def cancel(self, ids: Iterable[str]) -> None:
        """End these arrays."""


def batch_script(array: JobArray, **more: Any) -> bytes:
    """What a node runs: masr/jobs/node.py over a description of the array; JSON is ASCII, so that any word survives."""
    need = array.resources
    description = {
        "cwd": str(Path.cwd()),
        "log": pieces(array.log, array.variable),
        "command": [pieces(word, array.variable) for word in array.command],
        "head": attempt_line(),
        "num_threads": need.num_threads,
        "num_ranks": need.num_ranks,
        "num_nodes": need.num_nodes,
        "shift": 0,
        "environment": None,
        "after": [],
        **more,
    }
    start = quote(program("node"))
    return f'#!/bin/bash\nexec {start} "$0"'.encode() + MARK + json.dumps(description).encode() + b"\n"


def ask(command: Sequence[str], given: bytes = b"", patient: bool = True) -> str:
    """What a program of the scheduler prints; raises SchedulerError with its complaint.

    It runs in a session of its own: Ctrl-C at the wrong moment must not leave a job submitted whose id nobody knows.
    """
    limit = 300 if patient else 20
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, start_new_session=True, timeout=limit, check=False
        )
    except FileNotFoundError:
        raise SchedulerError(f"there is no {command[0]} on the PATH: is this a machine of the cluster?") from None
    except subprocess.TimeoutExpired:
        raise SchedulerError(f"{command[0]} has not answered for {limit} seconds") from None
    if done.returncode != 0:
        raise SchedulerError(done.stderr.decode(errors="replace").strip() or f"{command[0]} gave no reason")
    return done.stdout.decode(errors="replace")
