"""What every launcher takes: Kaldi's command line, and the job's number in the arguments.

  LAUNCHER [--mem 8G] [--gpu 1] [--num-threads 2] [--time 4:0:0] [--max-jobs-run 10] [--num-ranks 8] [--num-nodes 2]
           [--no-wait] [--after ID[:ID]] [JOB=1:N] LOG PROGRAM ARG...
  LAUNCHER --cancel ID[:ID]

The jobs' numbers are a range, `JOB=1:8`, or a list, `JOB=1,4,7-9`.

JOB in the log's name and in the arguments becomes the job's number where no letter touches it: `JOB`, `JOB/4`,
`feats.JOB.ark`, `split4/JOB/wav.scp`; the letters in MYJOBS or /data/JOBS stay. A folder on the way that is really
called so stays too (`/data/JOB/wav.scp`, `/my JOB here/x`, where that folder is on the disk).
Another name may be given: `N=1:4`.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from masr.errors import UsageError

MOST_JOBS = 100_000
"""More than any scheduler takes in one array; a longer one fills the memory before its first job starts."""

_PIECE = r"\d{1,9}(?:[:-]\d{1,9})?"
_RANGE = re.compile(rf"([A-Za-z_]\w*)=({_PIECE}(?:,{_PIECE})*)")

_NO_RANGE = re.compile(r"[A-Za-z_]\w*=[\d:,-]*")


@dataclass(frozen=True)
class Resources:
    """What one job needs; None is whatever the machine gives."""

    mem_bytes: int | None = None
    num_gpus: int = 0
    num_threads: int = 1
    time_sec: float | None = None
    max_jobs_run: int | None = None
    num_ranks: int = 1
    num_nodes: int = 1


@dataclass(frozen=True)
class JobArray:
    """One launcher call: `variable` is empty where it is a single job."""

    resources: Resources
    variable: str
    numbers: tuple[int, ...]
    log: str
    command: tuple[str, ...]
    wait: bool = True
    apart: bool = False
    """Without waiting: ids of what this call submits and of what it finds at work are told apart."""
    cancel: tuple[str, ...] = ()
    """Arrays that are to be cancelled; there is no log and no command then."""
    after: tuple[str, ...] = ()
    own: tuple[str, ...] = field(default=())
    """Options that are the scheduler's own, as they were given."""

    def log_of(self, number: int) -> Path:
        """Where one job writes."""
        return Path(put_number(self.log, self.variable, number))

    def command_of(self, number: int) -> list[str]:
        """One job's arguments, each as it was given but for the number."""
        return [put_number(word, self.variable, number) for word in self.command]


def parse(argv: Sequence[str], own: Mapping[str, int] | None = None) -> JobArray:
    """Kaldi's command line; `own` has the scheduler's options, with how many words follow each. Raises UsageError."""
    words = list(argv)
    given: dict[str, Any] = {"resources": Resources(), "own": ()}
    while words and words[0].startswith("-"):
        _take_option(words, given, own or {})
    if "cancel" in given:
        if words or not given["cancel"]:
            raise UsageError("--cancel takes the ids of arrays, joined by colons, and starts no program")
        return JobArray(variable="", numbers=(1,), log="", command=(), **given)
    variable, numbers = "", _numbers("", "1")
    if words and (found := _RANGE.fullmatch(words[0])):
        variable, numbers = found[1], _numbers(words.pop(0), found[2])
    elif words and _NO_RANGE.fullmatch(words[0]):
        raise UsageError(
            f"{words[0]}: is neither a range nor a list of numbers", fix="write it as JOB=1:4 or JOB=1,4,7-9"
        )
    if len(words) < 2:
        raise UsageError("a log and a program are needed", fix="LAUNCHER [options] [JOB=1:N] LOG PROGRAM ARG...")
    array = JobArray(variable=variable, numbers=numbers, log=words[0], command=tuple(words[1:]), **given)
    if not words[0] or any(array.log_of(number).is_dir() for number in numbers[:1]):
        raise UsageError(f"the log {words[0]!r} is a folder", fix="name a file in it")
    if len(numbers) > 1 and array.log_of(numbers[0]) == array.log_of(numbers[1]):
        raise UsageError(
            f"all jobs would write to one log, {words[0]}", fix=f"put {variable} into its name, as log.{variable}"
        )
    return array


def _take_option(words: list[str], given: dict[str, Any], own: Mapping[str, int]) -> None:
    """One option off the front of `words`, into the fields of a JobArray."""
    name, equals, value = words.pop(0).partition("=")
    option = name.replace("_", "-")
    if option not in _FIELDS and option not in own and option not in ("--no-wait", *_IDS):
        raise _unknown(name, own)
    if option == "--no-wait":
        if equals and value != "apart":
            raise UsageError(f"{name}: takes no value but apart, and was given {value!r}")
        given["wait"], given["apart"] = False, bool(equals)
        return
    num_values = own.get(option, 1)
    if equals:
        values = [value]
    elif len(words) < num_values:
        raise UsageError(f"{name}: its value is missing")
    else:
        values = [words.pop(0) for _ in range(num_values)]
    if option in _IDS:
        given[_IDS[option]] = tuple(part for part in re.split("[:,]", values[0]) if part)
    elif option in _FIELDS:
        changes: dict[str, Any] = {_FIELDS[option]: _value(option, values[0])}
        given["resources"] = replace(given["resources"], **changes)
    else:
        given["own"] += (f"{option}={value}",) if equals else (option, *values)


def _unknown(name: str, own: Mapping[str, int]) -> UsageError:
    known = [*_FIELDS, "--no-wait", *_IDS]
    close = difflib.get_close_matches(name.replace("_", "-"), [*known, *own], n=2)
    hint = "did you mean " + " or ".join(close) + "?" if close else "choose from: " + ", ".join(known)
    return UsageError(f"there is no option {name}", fix=hint)


def _numbers(word: str, text: str) -> tuple[int, ...]:
    """1:4 or 1,4,7-9, each number once, in order."""
    numbers: set[int] = set()
    for piece in text.split(","):
        first, _, last = piece.replace("-", ":").partition(":")
        if int(first) < 1 or int(last or first) < int(first):
            raise UsageError(f"{word}: jobs are counted from 1, and the range ends where it starts or later")
        if int(last or first) - int(first) + len(numbers) >= MOST_JOBS:
            raise UsageError(
                f"{word}: an array has at most {MOST_JOBS} jobs", fix="let each job do more, or call the launcher twice"
            )
        numbers.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(numbers))


def put_number(word: str, variable: str, number: int) -> str:
    """`word` with the job's number where `variable` stands."""
    return str(number).join(pieces(word, variable))


def pieces(word: str, variable: str) -> list[str]:
    """`word` cut at the places where the job's number goes."""
    if not variable or variable not in word:
        return [word]
    letter = r"[^\W\d_]"
    cuts = re.finditer(f"(?<!{letter}){re.escape(variable)}(?!{letter})", word)
    places = [found.span() for found in cuts if not _is_real_folder(word, found)]
    starts, ends = ([0, *(end for _, end in places)], [*(start for start, _ in places), len(word)])
    return [word[start:end] for start, end in zip(starts, ends, strict=True)]


def _is_real_folder(word: str, found: re.Match[str]) -> bool:
    """Whether this is in the name of a folder on the way of a path, and that folder is on the disk."""
    end = word.find("/", found.end())
    if end < 0 or "/" not in word[: found.start()]:
        return False
    path = word[:end]
    starts = [0, *(cut.end() for cut in re.finditer("[=:, ]", path))]
    return any(os.path.lexists(path[start:]) for start in starts)


_IDS = {"--after": "after", "--cancel": "cancel"}
_FIELDS = {
    "--mem": "mem_bytes",
    "--gpu": "num_gpus",
    "--num-threads": "num_threads",
    "--time": "time_sec",
    "--max-jobs-run": "max_jobs_run",
    "--num-ranks": "num_ranks",
    "--num-nodes": "num_nodes",
}


def _value(option: str, text: str) -> int | float:
    if option == "--mem":
        return memory_bytes(text)
    if option == "--time":
        return time_sec(text)
    lowest = 0 if option == "--gpu" else 1
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < lowest:
        raise UsageError(f"{option} {text}: is not a whole number of {lowest} or more")
    return int(text)


def memory_bytes(text: str) -> int:
    """8G, 500M, 2.5g; a bare number is megabytes, as Slurm reads it."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)([KMGT]?)B?", text, re.IGNORECASE)
    if not found or float(found[1]) == 0:
        raise UsageError(f"--mem {text}: is not an amount of memory", fix="write it as 8G or 500M")
    return int(float(found[1]) * 1024 ** ("KMGT".index(found[2].upper() or "M") + 1))


def time_sec(text: str) -> float:
    """Slurm's forms: minutes, minutes:seconds, hours:minutes:seconds, days-hours[:minutes[:seconds]]."""
    found = re.fullmatch(r"(?:(\d{1,9})-)?(\d{1,9})(?::(\d{1,9}))?(?::(\d{1,9}))?", text)
    if not found:
        raise UsageError(
            f"--time {text}: is not a time",
            fix="write it as 4:0:0 (hours:minutes:seconds), 90 (minutes) or 2-0 (days-hours)",
        )
    days, *rest = found.groups()
    parts = [int(part) for part in rest if part is not None]
    if days is None and len(parts) < 3:
        parts.insert(0, 0)
    hours, minutes, seconds = (*parts, 0, 0)[:3]
    total = ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds
    if total == 0:
        raise UsageError(f"--time {text}: leaves no time to run")
    return float(total)


def refuse(program: str, error: UsageError) -> NoReturn:
    """One block on standard error, exit code 2."""
    print(f"{program}: usage: {error.what}" + (f"\n  fix: {error.fix}" if error.fix else ""), file=sys.stderr)
    sys.exit(2)
