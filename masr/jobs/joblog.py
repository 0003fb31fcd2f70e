"""A job's log: what is written around the job's own words, how it is read again, and the report of what failed.

  # PROGRAM ARG...
  # Running on HOST
  # Started at TIME
  # Log ID
  # Attempt ID                    where masr/jobs/stage.py gave one: see `is_done`
  #
  the job's own words
  # Accounting: time=SECONDS threads=N log=ID
  # Ended (code 0) at TIME, elapsed time SECONDS seconds

These are Kaldi's words, so that what reads Kaldi's logs reads ours. The log's id is made up for each log: an end
without it is something that the job has printed, such as another job's log.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from masr.jobs.launch_line import JobArray
from masr.jobs.signals import REQUEUE

TAIL_LINES = 20
TAIL_BYTES = 64 * 1024
HEAD_BYTES = 256 * 1024
ATTEMPT = "STAGE_ATTEMPT"
_LOG = "Log "
_ENDED = re.compile(r"# Ended \(code (\d+)(?:, signal (\d+))?\) at ")


@dataclass(frozen=True)
class JobLog:
    """The log of a job that runs."""

    stream: BinaryIO
    """Where the job's own words go."""
    log_id: str
    started: float
    head_bytes: int

    @classmethod
    def begin(cls, path: Path, command: Sequence[str], *more: str, go_on: bool = False) -> JobLog:
        """Writes the first lines; `go_on` leaves what is there, the words of an earlier start of the same job."""
        path.parent.mkdir(parents=True, exist_ok=True)
        log_id = (_log_id(_head(path)) if go_on else "") or os.urandom(8).hex()
        if not go_on:
            path.open("wb").close()
        stream = path.open("a+b", buffering=0)
        lines = [quote(command), f"Running on {socket.gethostname()}", f"Started at {_now()}", f"{_LOG}{log_id}", *more]
        stream.write("".join(f"# {line}\n" for line in lines).encode() + b"#\n")
        return cls(stream, log_id, time.monotonic(), os.fstat(stream.fileno()).st_size)

    def say(self, line: str) -> None:
        """A line in place of the job's own."""
        self.stream.write(f"{line}\n".encode("utf-8", "surrogateescape"))

    def end(self, code: int, num_threads: int) -> None:
        """Writes the last lines and closes the log; `code` is -N where signal N ended the job."""
        elapsed = round(time.monotonic() - self.started)
        ended = f"code {code}" if code >= 0 else f"code {128 - code}, signal {-code}"
        size = os.fstat(self.stream.fileno()).st_size
        cut = b"" if size == 0 or os.pread(self.stream.fileno(), 1, size - 1) == b"\n" else b"\n"
        last = f"# Accounting: time={elapsed} threads={num_threads} log={self.log_id}\n"
        last += f"# Ended ({ended}) at {_now()}, elapsed time {elapsed} seconds\n"
        self.stream.write(cut + last.encode())
        self.stream.close()

    @property
    def has_words(self) -> bool:
        """Whether the job has written anything yet."""
        return os.fstat(self.stream.fileno()).st_size > self.head_bytes


def attempt_line() -> list[str]:
    """What a log's head says of the stage's attempt; nothing outside a stage."""
    attempt = os.environ.get(ATTEMPT, "")
    return [f"Attempt {attempt}"] if attempt else []


def is_done(array: JobArray, number: int, signs: Collection[str]) -> bool:
    """Whether the log says that this very command has ended well, and its head has one of the `signs`.

    A sign is `Attempt ID` (a stage's first run and its repetitions as long as nothing it depends on changes, up to its
    success) or `Job ID` (an array that is still at work). Without one nothing is known about the inputs.
    """
    log = array.log_of(number)
    if not signs or code_in(log) != 0:
        return False
    head = _head(log)
    return head[0] == quote(array.command_of(number)) and not set(head).isdisjoint(signs)


def code_in(log: Path) -> int | None:
    """The exit code that the log's end tells, -N for signal N; None where the job has not come to its end."""
    try:
        accounting, ended = tail(log, 2)
        log_id = _log_id(_head(log))
    except (OSError, ValueError):
        return None
    found = _ENDED.match(ended)
    if not found or not log_id or not accounting.endswith(f" log={log_id}"):
        return None
    return -int(found[2]) if found[2] else int(found[1])


def last_words(log: Path, lines: int) -> list[str]:
    """The last lines that the job itself has written, empty ones left out."""
    found = tail(log, lines + 2)
    words = found[:-2] if code_in(log) is not None else found
    return [line for line in words if line.strip()][-lines:]


def _head(log: Path) -> list[str]:
    """The first lines of a log, without their sign; a job that was started again has written none of them."""
    try:
        with log.open("rb") as stream:
            head = stream.read(HEAD_BYTES).partition(b"\n#\n")[0]
    except FileNotFoundError:
        return []
    return [line.removeprefix("# ") for line in head.decode("utf-8", "surrogateescape").split("\n")]


def _log_id(head: Sequence[str]) -> str:
    return next((line.removeprefix(_LOG) for line in head[1:] if line.startswith(_LOG)), "")


def how_it_failed(code: int) -> str:
    """Exit codes in words; `code` is -N where signal N ended the job."""
    if code == REQUEUE:
        return f"stopped in good order (exit code {REQUEUE}): the same call lets it go on from there"
    if code >= 0:
        return f"failed (exit code {code})"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    memory = ", perhaps for want of memory: see --mem and --max-jobs-run" if name == "SIGKILL" else ""
    return f"killed by {name}{memory}"


def report_failures(program: str, array: JobArray, failed: dict[int, str]) -> None:
    """Which jobs failed and how, and the end of the first one's log."""
    total = len(array.numbers)
    print(f"{program}: {len(failed)} of {total} job{'s' if total > 1 else ''} failed: {array.log}", file=sys.stderr)
    for how in dict.fromkeys(failed.values()):
        numbers = ranges(number for number in sorted(failed) if failed[number] == how)
        print(f"{program}:   {f'job {numbers}: ' if array.variable else ''}{how}", file=sys.stderr)
    logs = [array.log_of(number) for number in sorted(failed)]
    log = next((log for log in logs if log.exists()), None)
    if log is None:
        print(f"{program}: no log was written", file=sys.stderr)
        return
    show_tail(program, log)


def show_tail(program: str, log: Path) -> None:
    """The end of a log, on the screen."""
    print(f"{program}: last lines of {log}:", file=sys.stderr)
    try:
        print("".join(f"  | {line}\n" for line in tail(log)), end="", file=sys.stderr)
    except OSError as error:
        print(f"  it cannot be read: {error.strerror}", file=sys.stderr)


def without_done(program: str, array: JobArray) -> list[int]:
    """The numbers of the jobs that are still to run, and a line about the others, so that nobody wonders."""
    todo = [number for number in array.numbers if not is_done(array, number, attempt_line())]
    if num_done := len(array.numbers) - len(todo):
        which = f"{num_done} of {len(array.numbers)} jobs ended well before and are not repeated"
        print(f"{program}: {which} (remove a log of {array.log} to run its job again)", file=sys.stderr, flush=True)
    return todo


def tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """The last lines of a log, without reading the rest of it."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - TAIL_BYTES))
        text = stream.read().decode("utf-8", "replace")
    return text.splitlines()[-lines:]


def quote(command: Iterable[str]) -> str:
    """A line that a shell reads back to the same arguments; newlines as $'\\n', so that it stays one line."""
    return " ".join(_quoted(word) for word in command)


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    escaped = word.encode("utf-8", "surrogateescape").decode("latin-1").replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(c if 32 <= ord(c) < 127 else f"\\x{ord(c):02x}" for c in escaped) + "'"


def ranges(numbers: Iterable[int], separator: str = ", ") -> str:
    """1 2 3 7 -> '1-3, 7'."""
    return separator.join(f"{first}-{last}" if last > first else str(first) for first, last in _runs(numbers))


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    run: tuple[int, int] | None = None
    for number in numbers:
        if run and number == run[1] + 1:
            run = (run[0], number)
        else:
            if run:
                yield run
            run = (number, number)
    if run:
        yield run


def _now() -> str:
    return time.strftime("%a %b %e %H:%M:%S %Z %Y")
