"""The process that reads: one input after another, until something ends it. Its parent sees what it is at."""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from fuzz import finding
from fuzz.box import Box
from fuzz.case import Files
from fuzz.finding import Finding
from fuzz.finite import not_finite
from fuzz.target import Reader
from fuzz.watch import Watch
from masr.io.provenance import loaded_commit
from masr.jobs.prctl import die_with_parent

MOST_BYTES = 2 << 30
_STATE = struct.Struct("<qdq")


class Status:
    """Which input a worker is at, since when, and how many it has done: in memory that both processes see."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _STATE.size)
        self.set(-1, 0)

    def set(self, index: int, done: int) -> None:
        """Begins an input."""
        _STATE.pack_into(self._memory, 0, index, time.monotonic(), done)

    def get(self) -> tuple[int, float, int]:
        """Index, time of its beginning, inputs done."""
        index, since, done = _STATE.unpack_from(self._memory, 0)
        return int(index), float(since), int(done)


def work(
    reader: Reader, box: Box, cases: Iterable[tuple[int, Files]], status: Status, pipe: int, trace: int
) -> NoReturn:
    """Reads every case and writes a line of JSON to the pipe for each find; ends the process."""
    _confine(trace)
    os.chdir(box.root)
    loaded_commit()  # by git, once a process: before anybody watches
    watch = Watch([box.output, box.input] if reader.writes_input else [box.output])
    seen: set[str] = set()
    done = 0
    for index, files in cases:
        box.place(files)
        status.set(index, done)
        for found in read_once(reader, box, watch):
            is_new = found.signature not in seen
            seen.add(found.signature)
            message: dict[str, Any] = {"index": index, "signature": found.signature}
            _send(pipe, message | found.as_message() if is_new else message)
        if reader.writes_input:
            box.forget()
        done += 1
    status.set(-1, done)
    os._exit(0)


def read_once(reader: Reader, box: Box, watch: Watch) -> list[Finding]:
    """What reading the box's input breaks."""
    found = []
    watch.begin()
    try:
        result = reader.read(box)
        if said := not_finite(result):
            found.append(Finding("not finite", "", said))
    except reader.refusals:
        pass
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        found.append(finding.of_error(error))
    strays = [*watch.end(), *(f"left: {name}" for name in box.strays())]
    return found + [Finding("stray", "", stray) for stray in strays]


def _confine(trace: int) -> None:
    """Little memory, nothing on the screen, and a signal that says where it stands."""
    sys.dont_write_bytecode = True
    os.setpgid(0, 0)
    die_with_parent(signal.SIGKILL)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    faulthandler.register(signal.SIGUSR1, file=trace, all_threads=False)
    faulthandler.enable(file=trace, all_threads=False)
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (held + MOST_BYTES, held + MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _send(pipe: int, message: dict[str, Any]) -> None:
    os.write(pipe, json.dumps(message).encode("ascii") + b"\n")
