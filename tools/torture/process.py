"""One call of masr in a process of its own, whose touches of the disk are counted, and stopped where that is asked.

Processes are forked from one that has imported torch already. A touch is a file that is opened to be written, renamed
or removed, or a folder that is made or removed, below the folder that the call writes to: Python's audit events tell.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from masr.cli.main import main

TIMEOUT_SEC = 600
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.link", "os.symlink")
_PIECE = 1 << 16

Fault = Callable[[], None]
"""What a process does to itself, at a touch or before it begins."""


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    code: int
    """Its exit code, negative where a signal ended it."""
    said: str
    """Both of its outputs."""
    touches: int
    sec: float


class Process:
    """A call of masr that has begun."""

    def __init__(self, words: Sequence[str], out: Path, at: int = 0, fault: Fault | None = None) -> None:
        """`fault` strikes at the touch of this number, the first is 1; 0 is before anything."""
        self._touches = mmap.mmap(-1, 8)
        self._reads, writes = os.pipe()
        self._said = b""
        self._since = time.monotonic()
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                os.close(self._reads)
                code = self._work(words, out, at, fault, writes)
            finally:
                os._exit(code)
        os.close(writes)

    def _work(self, words: Sequence[str], out: Path, at: int, fault: Fault | None, output: int) -> int:
        code = 1
        try:
            os.setsid()
            for descriptor in (1, 2):
                os.dup2(output, descriptor)
            os.close(output)
            sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, closefd=False) for n in (1, 2))
            sys.argv = ["masr", *words]
            if fault is not None and at == 0:
                fault()
            sys.addaudithook(self._hook(str(out), at, fault))
            code = main(words)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        return code

    def _hook(self, below: str, at: int, fault: Fault | None) -> Callable[[str, tuple[object, ...]], None]:
        own = os.getpid()

        def hook(event: str, about: tuple[object, ...]) -> None:
            is_touch = event in _CHANGES or (event == "open" and isinstance(about[2], int) and about[2] & _WRITES)
            if not is_touch or not str(about[0]).startswith(below) or os.getpid() != own:
                return
            number = self.touches + 1
            self._touches[:8] = number.to_bytes(8, "little")
            if fault is not None and number == at:
                fault()

        return hook

    @property
    def touches(self) -> int:
        """How often it has touched the disk so far."""
        return int.from_bytes(self._touches[:8], "little")

    def wait(self, sec: float = TIMEOUT_SEC) -> bool:
        """Whether it has ended, or was stopped by SIGSTOP, within so many seconds; what it says is taken meanwhile."""
        deadline = time.monotonic() + sec
        while True:
            found, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            self._listen()
            if found and not os.WIFSTOPPED(status):
                self.code = os.waitstatus_to_exitcode(status)
            if found or time.monotonic() > deadline:
                return bool(found)
            select.select([self._reads], [], [], 0.02)

    def signal(self, number: int) -> None:
        """Sends a signal to it alone, not to what it has started."""
        os.kill(self.pid, number)

    def end(self) -> Ended:
        """Waits for its end; what does not end in TIMEOUT_SEC is killed, and its code then is that of SIGKILL."""
        if self.code is None and not self.wait():
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()
            self._said += f"\nkilled after {TIMEOUT_SEC} s".encode()
        code = -signal.SIGSTOP if self.code is None else self.code
        said = self._said.decode("utf-8", "replace")
        return Ended(code, said, self.touches, time.monotonic() - self._since)

    def _listen(self) -> None:
        while select.select([self._reads], [], [], 0)[0]:
            piece = os.read(self._reads, _PIECE)
            self._said += piece
            if not piece:
                return


def call(words: Sequence[str], out: Path, at: int = 0, fault: Fault | None = None) -> Ended:
    """One call of masr from its beginning to its end."""
    return Process(words, out, at, fault).end()


def kill_self() -> None:
    """As the kernel does where memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop_self() -> None:
    """Waits until somebody sends SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def take_no_more() -> None:
    """From now on no file of this process, or of what it starts, may grow: as on a disk that is full."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))


def give_up_root() -> None:
    """Modes of files and folders count for this process, though root started it."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    beyond_modes = 0b1110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= ~beyond_modes
    sets[1] &= ~beyond_modes
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")
