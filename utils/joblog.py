"""A job's log: what is written around the job's own words, how it is read again, and the report of what failed.

  # PROGRAM ARG...
  # Running on HOST
  # Started at TIME
  # Attempt ID                    where utils/stage.py gave one: see `is_done`
  #
  the job's own words
  # Accounting: time=SECONDS threads=N
  # Ended (code 0) at TIME, elapsed time SECONDS seconds

These are Kaldi's words, so that what reads Kaldi's logs reads ours.
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
from pathlib import Path
from typing import BinaryIO

from launcher import JobArray

TAIL_LINES = 20
TAIL_BYTES = 64 * 1024
HEAD_BYTES = 256 * 1024
REQUEUE = 75
"""Exit code of a job that has saved its work and wants to be started again (EX_TEMPFAIL of sysexits.h)."""
ATTEMPT = "STAGE_ATTEMPT"
_ENDED = re.compile(r"# Ended \(code (\d+)(?:, signal (\d+))?\) at ")


def write_start(log: BinaryIO, command: Sequence[str], attempt: str, *more: str) -> None:
    """The log's first lines."""
    lines = [quote(command), f"Running on {socket.gethostname()}", f"Started at {_now()}"]
    lines += [f"Attempt {attempt}"] if attempt else []
    log.write("".join(f"# {line}\n" for line in [*lines, *more]).encode() + b"#\n")


def write_end(log: BinaryIO, code: int, started: float, num_threads: int) -> None:
    """The log's last lines; `code` is -N where signal N ended the job."""
    elapsed = round(time.time() - started)
    ended = f"code {code}" if code >= 0 else f"code {128 - code}, signal {-code}"
    log.write(f"# Accounting: time={elapsed} threads={num_threads}\n".encode())
    log.write(f"# Ended ({ended}) at {_now()}, elapsed time {elapsed} seconds\n".encode())


def is_done(array: JobArray, number: int, signs: Collection[str]) -> bool:
    """Whether the log says that this very command has ended well, and its head has one of the `signs`.

    A sign is `Attempt ID` (a stage's first run and its repetitions as long as nothing it depends on changes, up to its
    success) or `Job ID` (an array that is still at work). Without one nothing is known about the inputs.
    """
    log = array.log_of(number)
    if not signs or code_in(log) != 0:
        return False
    with log.open("rb") as stream:
        head = stream.read(HEAD_BYTES).partition(b"\n#\n")[0].split(b"\n")
    found = {line.removeprefix(b"# ").decode(errors="replace") for line in head[1:]}
    return head[0] == f"# {quote(array.command_of(number))}".encode() and not found.isdisjoint(signs)


def code_in(log: Path) -> int | None:
    """The exit code that the log's last line tells, -N for signal N; None where the job has not come to its end."""
    try:
        lines = tail(log, 1)
    except OSError:
        return None
    found = _ENDED.match(lines[0]) if lines else None
    if not found:
        return None
    return -int(found[2]) if found[2] else int(found[1])


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
    attempt = os.environ.get(ATTEMPT, "")
    signs = [f"Attempt {attempt}"] if attempt else []
    todo = [number for number in array.numbers if not is_done(array, number, signs)]
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
