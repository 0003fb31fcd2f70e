"""One command as a child that ends when its parent does, even when that is killed, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from masr.jobs import program
from masr.jobs.descendants import children_of, descendants_of, kill
from masr.jobs.prctl import adopt_orphans
from masr.jobs.signals import Signals
from masr.jobs.supervise import GRACE_SEC


def start(
    command: Sequence[str],
    grace_sec: float | None,
    output: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """A process that ends as the command ends, once nothing of it is left; masr/jobs/supervise.py says what it does.

    Signals to it reach the command's process group, and `grace_sec` (None: at any time) after one that asks to stop
    comes SIGKILL. SIGQUIT kills all at once. OSError where the command cannot be started.
    """
    errors, status = os.pipe()
    grace = "-" if grace_sec is None else str(grace_sec)
    try:
        os.set_inheritable(status, True)
        process = subprocess.Popen(
            [*program("supervise"), str(os.getpid()), grace, str(status), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=folder,
            close_fds=False,
            start_new_session=True,
        )
    except BaseException:
        os.close(errors)
        raise
    finally:
        os.close(status)
    with os.fdopen(errors, "rb") as stream:
        number = stream.read()
    if number:
        process.wait()
        raise OSError(int(number), os.strerror(int(number)), command[0])
    return process


def run_alone(command: Sequence[str]) -> int:
    """The command's exit code, 128 + N where signal N ended it or was sent to this process.

    OSError where it cannot be started.
    """
    adopt_orphans()
    with Signals(signal.SIGCHLD) as signals:
        process = start(command, GRACE_SEC)
        code = follow(process, signals)
        if code < 0:
            end_orphans()
    if signals.first is not None:
        return 128 + signals.first
    return code if code >= 0 else 128 - code


def follow(process: subprocess.Popen[bytes], signals: Signals) -> int:
    """The exit code of a process of `start`, -N for signal N; it is handed every signal. They have to note SIGCHLD."""
    handed_on = 0
    while (code := process.poll()) is None:
        for number in signals.noted[handed_on:]:
            process.send_signal(number)
            handed_on += 1
        if signals.hurry:
            process.send_signal(signal.SIGQUIT)
        signals.wait()
    return code


def end_orphans(known: Container[int] = ()) -> None:
    """Kills children that are not `known`, with all that they started: what a killed supervisor has left behind."""
    deadline = time.monotonic() + GRACE_SEC
    while time.monotonic() < deadline:
        orphans = {pid for pid in children_of(os.getpid()) if pid not in known}
        if not orphans:
            break
        kill(orphans | descendants_of(orphans))
        for pid in orphans:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)
