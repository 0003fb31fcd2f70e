"""One command as a child that ends when its parent does, and leaves nothing behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

GRACE_SEC = 10.0
_LIBC = ctypes.CDLL(None)
_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36


def run_alone(command: Sequence[str]) -> int:
    """The command's exit code, 128 + N where signal N ended it. Its whole process group ends with it.

    OSError where it cannot be started.
    """
    die_with_parent()
    child: subprocess.Popen[bytes] | None = None
    stopped: list[int] = []

    def stop(signum: int, _frame: FrameType | None) -> None:
        stopped.append(signum)
        signal.alarm(int(GRACE_SEC))
        if child is not None:
            _signal_group(child.pid, signum if len(stopped) == 1 else signal.SIGKILL)

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, stop)
    child = subprocess.Popen(
        command,
        close_fds=False,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0),
    )
    pid = child.pid
    signal.signal(signal.SIGALRM, lambda _signum, _frame: _signal_group(pid, signal.SIGKILL))
    if stopped:  # while it was being started
        _signal_group(pid, stopped[0])
    code = child.wait()
    signal.alarm(0)
    if stopped or code != 0:
        end_group(pid, hurry=lambda: len(stopped) > 1)
    if stopped:
        return 128 + stopped[0]
    return code if code >= 0 else 128 - code


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the recipe's shell dies, even of kill -9, and for orphans of the command."""
    parent = os.getppid()
    _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    _LIBC.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def end_group(pid: int, hurry: Callable[[], bool]) -> None:
    """What a command that failed or was stopped leaves behind; a launcher needs a moment to stop its own jobs."""
    _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SEC
    while time.monotonic() < deadline and not hurry():
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break
        time.sleep(0.02)
    _signal_group(pid, signal.SIGKILL)


def _signal_group(pid: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signum)
