"""What every launcher shares: Kaldi's command line, the job's number in the arguments, and the report of failures.

  LAUNCHER [--mem 8G] [--gpu 1] [--num-threads 2] [--time 4:0:0] [--max-jobs-run 10] [JOB=1:N] LOG PROGRAM ARG...

JOB in the log's name and in the arguments becomes the job's number where no letter touches it: `JOB`, `JOB/4`,
`feats.JOB.ark`, `split4/JOB/wav.scp`; the letters in MYJOBS or /data/JOBS stay. A folder on the way that is really
called JOB stays too (`/data/JOB/wav.scp` where /data/JOB is on the disk). Another name may be given: `N=1:4`.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

TAIL_LINES = 20
TAIL_BYTES = 64 * 1024
_RANGE = re.compile(r"([A-Za-z_]\w*)=(\d{1,9})(?::(\d{1,9}))?")


@dataclass(frozen=True)
class Resources:
    """What one job needs; None is whatever the machine gives."""

    mem_bytes: int | None = None
    num_gpus: int = 0
    num_threads: int = 1
    time_sec: float | None = None
    max_jobs_run: int | None = None


@dataclass(frozen=True)
class JobArray:
    """One launcher call: `variable` is empty where it is a single job."""

    resources: Resources
    variable: str
    first: int
    last: int
    log: str
    command: tuple[str, ...]

    @property
    def numbers(self) -> range:
        """The jobs' numbers."""
        return range(self.first, self.last + 1)

    def log_of(self, number: int) -> Path:
        """Where one job writes."""
        return Path(put_number(self.log, self.variable, number))

    def command_of(self, number: int) -> list[str]:
        """One job's arguments, each as it was given but for the number."""
        return [put_number(word, self.variable, number) for word in self.command]


class Usage(Exception):  # noqa: N818 (a message, printed without a traceback)
    """A command line that cannot be run, with what to do about it."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


def parse(argv: Sequence[str]) -> JobArray:
    """Kaldi's command line; raises Usage."""
    words = list(argv)
    resources = Resources()
    while words and words[0].startswith("-"):
        name, equals, value = words.pop(0).partition("=")
        field = _option(name)
        if not equals:
            if not words:
                raise Usage(f"{name}: its value is missing")
            value = words.pop(0)
        changes: dict[str, Any] = {_FIELDS[field]: _value(field, value)}
        resources = replace(resources, **changes)
    variable, first, last = "", 1, 1
    if words and (found := _RANGE.fullmatch(words[0])):
        variable, first, last = found[1], int(found[2]), int(found[3] or found[2])
        if first < 1 or last < first:
            raise Usage(f"{words[0]}: jobs are counted from 1, and the range ends where it starts or later")
        words.pop(0)
    if len(words) < 2:
        raise Usage("a log and a program are needed", "LAUNCHER [options] [JOB=1:N] LOG PROGRAM ARG...")
    array = JobArray(resources, variable, first, last, words[0], tuple(words[1:]))
    if first != last and array.log_of(first) == array.log_of(last):
        raise Usage(f"all jobs would write to one log, {words[0]}", f"put {variable} into its name, as log.{variable}")
    return array


def put_number(word: str, variable: str, number: int) -> str:
    """`word` with the job's number where `variable` stands."""
    if not variable or variable not in word:
        return word
    letter = r"[^\W\d_]"
    pattern = re.compile(f"(?<!{letter}){re.escape(variable)}(?!{letter})")
    return pattern.sub(lambda found: variable if _is_real_folder(word, found) else str(number), word)


def _is_real_folder(word: str, found: re.Match[str]) -> bool:
    """Whether this is a whole part of a path that leads to something on the disk."""
    if word[found.end() : found.end() + 1] != "/" or word[: found.start()][-1:] != "/":
        return False
    path = word[: found.end()]
    starts = [0, *(cut.end() for cut in re.finditer("[=:, ]", path))]
    return any(os.path.lexists(path[start:]) for start in starts)


_FIELDS = {
    "--mem": "mem_bytes",
    "--gpu": "num_gpus",
    "--num-threads": "num_threads",
    "--time": "time_sec",
    "--max-jobs-run": "max_jobs_run",
}


def _option(name: str) -> str:
    option = name.replace("_", "-")
    if option not in _FIELDS:
        close = difflib.get_close_matches(option, _FIELDS, n=2)
        hint = "did you mean " + " or ".join(close) + "?" if close else "choose from: " + ", ".join(_FIELDS)
        raise Usage(f"there is no option {name}", hint)
    return option


def _value(option: str, text: str) -> int | float:
    if option == "--mem":
        return memory_bytes(text)
    if option == "--time":
        return time_sec(text)
    lowest = 0 if option == "--gpu" else 1
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < lowest:
        raise Usage(f"{option} {text}: is not a whole number of {lowest} or more")
    return int(text)


def memory_bytes(text: str) -> int:
    """8G, 500M, 2.5g; a bare number is megabytes, as Slurm reads it."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", text, re.IGNORECASE)
    if not found or float(found[1]) == 0:
        raise Usage(f"--mem {text}: is not an amount of memory", "write it as 8G or 500M")
    return int(float(found[1]) * 1024 ** ("KMGT".index(found[2].upper() or "M") + 1))


def time_sec(text: str) -> float:
    """Slurm's forms: minutes, minutes:seconds, hours:minutes:seconds, days-hours[:minutes[:seconds]]."""
    found = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text)
    if not found:
        raise Usage(
            f"--time {text}: is not a time",
            "write it as 4:0:0 (hours:minutes:seconds), 90 (minutes) or 2-0 (days-hours)",
        )
    days, *rest = found.groups()
    parts = [int(part) for part in rest if part is not None]
    if days is None and len(parts) < 3:
        parts.insert(0, 0)
    hours, minutes, seconds = (*parts, 0, 0)[:3]
    total = ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds
    if total == 0:
        raise Usage(f"--time {text}: leaves no time to run")
    return float(total)


def quote(command: Iterable[str]) -> str:
    """A line that a shell reads back to the same arguments; newlines as $'\\n', so that it stays one line."""
    return " ".join(_quoted(word) for word in command)


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    escaped = word.encode("utf-8", "surrogateescape").decode("latin-1").replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(c if 32 <= ord(c) < 127 else f"\\x{ord(c):02x}" for c in escaped) + "'"


def tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """The last lines of a log, without reading the rest of it."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - TAIL_BYTES))
        text = stream.read().decode("utf-8", "replace")
    return text.splitlines()[-lines:]


def report_failures(program: str, array: JobArray, failed: dict[int, str]) -> None:
    """Which jobs failed and how, and the end of the first one's log."""
    total = len(array.numbers)
    print(f"{program}: {len(failed)} of {total} job{'s' if total > 1 else ''} failed: {array.log}", file=sys.stderr)
    for how in dict.fromkeys(failed.values()):
        numbers = ranges(number for number in sorted(failed) if failed[number] == how)
        print(f"{program}:   {f'job {numbers}: ' if array.variable else ''}{how}", file=sys.stderr)
    log = array.log_of(min(failed))
    print(f"{program}: last lines of {log}:", file=sys.stderr)
    try:
        print("".join(f"  | {line}\n" for line in tail(log)), end="", file=sys.stderr)
    except OSError as error:
        print(f"  it cannot be read: {error.strerror}", file=sys.stderr)


def ranges(numbers: Iterable[int]) -> str:
    """1 2 3 7 -> '1-3, 7'."""
    return ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in _runs(numbers))


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


def refuse(program: str, error: Usage) -> NoReturn:
    """One block on standard error, exit code 2."""
    print(f"{program}: usage: {error.what}" + (f"\n  fix: {error.fix}" if error.fix else ""), file=sys.stderr)
    sys.exit(2)
