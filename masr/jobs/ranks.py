"""Starts a program several times on this machine, as the ranks of one world, and ends them together.

  python masr/jobs ranks N PROGRAM ARG...

Each gets RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT, as torchrun gives them. Unlike
torchrun, the exit code is the program's own: 75, which asks to be started again, arrives at the launcher. Where one
rank fails the others get a moment to fail by themselves and are then stopped. Launchers call this for --num-ranks;
across nodes Slurm's srun does the same.

Exit code: 0; the first failed rank's; 128 + N where signal N ended it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from masr.jobs.prctl import die_with_parent
from masr.jobs.signals import REQUEUE

GRACE_SEC = 5.0


def main(argv: Sequence[str]) -> int:
    """Start, wait, end."""
    if len(argv) < 2 or not argv[0].isdecimal() or int(argv[0]) < 1:
        print("ranks: usage: ranks N PROGRAM ARG...", file=sys.stderr)
        return 2
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
    ranks = start(int(argv[0]), list(argv[1:]))
    for signum in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(signum, lambda signum, _frame: _tell(ranks, signum))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
    return wait(ranks)


def start(count: int, command: list[str]) -> list[subprocess.Popen[bytes]]:
    """All in this process's group, so that a launcher's SIGKILL reaches them and what they started."""
    shared = {
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
    }
    return [
        subprocess.Popen(
            command,
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            close_fds=False,
            preexec_fn=_as_a_child,
        )
        for rank in range(count)
    ]


def wait(ranks: Sequence[subprocess.Popen[bytes]]) -> int:
    """Until all have ended; the code of the first that failed, else 75 where one asks for another start."""
    failed = 0
    while not failed and None in (codes := [rank.poll() for rank in ranks]):
        failed = next((code for code in codes if code not in (None, 0, REQUEUE)), None) or 0
        time.sleep(0.05)
    if failed and not _all_ended(ranks):
        _tell(ranks, signal.SIGTERM)
        if not _all_ended(ranks):
            _tell(ranks, signal.SIGKILL)
    ended = [rank.wait() for rank in ranks]
    code = failed or next((code for code in ended if code not in (0, REQUEUE)), max(ended))
    return code if code >= 0 else 128 - code


def _all_ended(ranks: Sequence[subprocess.Popen[bytes]]) -> bool:
    """Whether they do so within a moment."""
    deadline = time.monotonic() + GRACE_SEC
    while time.monotonic() < deadline:
        if all(rank.poll() is not None for rank in ranks):
            return True
        time.sleep(0.05)
    return False


def _tell(ranks: Sequence[subprocess.Popen[bytes]], signum: int) -> None:
    for rank in ranks:
        if rank.poll() is None:
            rank.send_signal(signum)


def _as_a_child() -> None:
    """Die with the parent, and take signals as usual."""
    die_with_parent(signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
