"""One target, read until the time is over: workers come and go, and what they find is collected."""

from __future__ import annotations

import json
import os
import select
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fuzz.box import Box
from fuzz.case import Files
from fuzz.finding import Finding, Kind, innermost
from fuzz.mutate import input_of
from fuzz.target import Reader
from fuzz.worker import Status, work

HANG_SEC = 10.0
_RECYCLE = 20_000
"""Inputs of one worker: what leaks goes with it."""
Say = Callable[[int, float, int], None]
"""Told the inputs done, the seconds and the number of finds, several times a second."""


@dataclass
class Outcome:
    """What a hunt came to."""

    name: str
    num_inputs: int = 0
    seconds: float = 0.0
    findings: dict[str, Finding] = field(default_factory=dict)
    """Signature -> the first input that has it."""

    def add(self, found: Finding) -> None:
        """Counts a find."""
        if found.signature in self.findings:
            self.findings[found.signature].times += 1
        else:
            self.findings[found.signature] = found


@dataclass(frozen=True)
class Limits:
    """When a hunt ends: after so many seconds, or inputs."""

    seconds: float
    inputs: int | None = None
    hang_sec: float = HANG_SEC


def nth(name: str, reader: Reader, seed: int, index: int) -> Files:
    """The index-th input of a target; the first ones are its seeds as they are."""
    if index < len(reader.seeds):
        return reader.seeds[index]
    files = input_of(reader.seeds, reader.words, name, seed, index)
    return reader.finish(files) if reader.finish and Random(index).random() < 0.5 else files


def hunt(name: str, reader: Reader, seed: int, limits: Limits, say: Say) -> Outcome:
    """Reads inputs 0, 1, 2, ... of a target."""
    outcome = Outcome(name)
    begun = time.monotonic()
    end = begun + limits.seconds
    index = 0
    with _scratch() as folder:
        while time.monotonic() < end and (limits.inputs is None or index < limits.inputs):
            stop = index + _RECYCLE if limits.inputs is None else min(index + _RECYCLE, limits.inputs)
            crew = _Crew(reader, Box(Path(folder) / "box"), limits.hang_sec)
            before = outcome.num_inputs

            def report(done: int, before: int = before) -> None:
                outcome.num_inputs = before + done
                say(outcome.num_inputs, time.monotonic() - begun, len(outcome.findings))

            cases = _cases(name, reader, seed, index, stop, end)
            index += crew.run(cases, report, outcome.add)
    for found in outcome.findings.values():
        found.files = nth(name, reader, seed, found.index)
    outcome.seconds = time.monotonic() - begun
    return outcome


def attempt(reader: Reader, files: Files, hang_sec: float = HANG_SEC) -> list[Finding]:
    """What one input breaks, in a process of its own."""
    found: list[Finding] = []
    with _scratch() as folder:
        _Crew(reader, Box(Path(folder) / "box"), hang_sec).run(iter([(0, files)]), lambda _: None, found.append)
    for one in found:
        one.files = files
    return found


def _cases(name: str, reader: Reader, seed: int, first: int, stop: int, end: float) -> Iterator[tuple[int, Files]]:
    for index in range(first, stop):
        if time.monotonic() > end:
            return
        yield index, nth(name, reader, seed, index)


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder in memory where there is one: writing the inputs is most of the work of fast readers."""
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="masr-fuzz-", dir=place, ignore_cleanup_errors=True)


class _Crew:
    """One worker, and the parent that watches it."""

    def __init__(self, reader: Reader, box: Box, hang_sec: float) -> None:
        self._reader, self._box, self._hang_sec = reader, box, hang_sec
        self._status = Status()
        self._known: dict[str, dict[str, str]] = {}

    def run(
        self, cases: Iterator[tuple[int, Files]], report: Callable[[int], None], add: Callable[[Finding], None]
    ) -> int:
        """Lets a worker read the cases; how many it began."""
        with tempfile.TemporaryFile() as trace:
            ours, theirs = os.pipe()
            child = os.fork()
            if not child:
                os.close(ours)
                try:
                    work(self._reader, self._box, cases, self._status, theirs, trace.fileno())
                except BaseException:  # a fault of the fuzzer itself
                    import traceback

                    os.write(theirs, json.dumps({"fault": traceback.format_exc()}).encode() + b"\n")
                finally:
                    os._exit(97)
            os.close(theirs)
            try:
                was_hanging = self._watch(child, ours, report, add)
            except BaseException:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise
            finally:
                os.close(ours)
            _, state = os.waitpid(child, 0)
            index, _, done = self._status.get()
            begun = done + (index >= 0)
            report(begun)
            if index >= 0:
                trace.seek(0)
                add(_of_end(index, state, was_hanging, self._hang_sec, trace.read().decode("utf-8", "replace")))
            elif state:
                raise RuntimeError(f"a worker of the fuzzer ended with {state} between two inputs")
            return begun

    def _watch(self, child: int, pipe: int, report: Callable[[int], None], add: Callable[[Finding], None]) -> bool:
        """Reads what the worker says until it ends; whether it had to be ended."""
        left, at, used = b"", -1, 0.0
        while True:
            ready, _, _ = select.select([pipe], [], [], 0.2)
            if ready:
                piece = os.read(pipe, 1 << 16)
                if not piece:
                    return False
                *lines, left = (left + piece).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line), add)
            index, since, done = self._status.get()
            report(done)
            if index != at:
                at, used = index, _cpu_sec(child)
            waited = time.monotonic() - since > self._hang_sec
            if index >= 0 and waited and (_sleeps(child) or _cpu_sec(child) - used > self._hang_sec):
                os.kill(child, signal.SIGUSR1)
                time.sleep(0.3)
                os.killpg(child, signal.SIGKILL)
                return True

    def _hear(self, message: dict[str, str], add: Callable[[Finding], None]) -> None:
        if "fault" in message:
            raise RuntimeError(message["fault"])
        known = self._known.setdefault(message["signature"], message)
        kind: Kind = known["kind"]  # type: ignore[assignment]
        add(Finding(kind, known["where"], known["what"], known["trace"], int(message["index"])))


def _cpu_sec(process: int) -> float:
    """Seconds that a process has computed: on a busy machine those of the clock say nothing of it."""
    fields = _state(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _sleeps(process: int) -> bool:
    """Whether it waits for something, and not for a processor."""
    fields = _state(process)
    return bool(fields) and fields[0] != "R"


def _state(process: int) -> list[str]:
    """The fields of /proc/PID/stat behind the program's name; none where it has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _of_end(index: int, state: int, was_hanging: bool, hang_sec: float, trace: str) -> Finding:
    where = innermost(trace, is_reversed=True)
    if was_hanging:
        return Finding("hang", where, f"had not ended after {hang_sec:g} s", trace, index)
    how = f"signal {os.WTERMSIG(state)}" if os.WIFSIGNALED(state) else f"exit code {os.waitstatus_to_exitcode(state)}"
    return Finding("crash", where, f"ended the process: {how}", trace, index)
