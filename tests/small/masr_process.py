"""`masr` as a process of its own without its start, which takes seconds: a fork of this one."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import Path


class MasrProcess:
    """`masr ARGUMENTS` at work, with one thread; it hears signals as what a shell starts, and tells all in a file."""

    def __init__(self, told: Path, *arguments: str) -> None:
        self.told = told
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(_run(told, list(arguments)))

    def ended(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is not None

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout_sec: float = 300) -> int:
        """Its exit code, negative where a signal ended it."""
        deadline = time.monotonic() + timeout_sec
        while not self.ended():
            if time.monotonic() > deadline:
                self.signal(signal.SIGKILL)
                raise TimeoutError(self.told.read_text())
            time.sleep(0.01)
        assert self.code is not None
        return self.code


def _run(told: Path, arguments: list[str]) -> int:
    import torch

    from masr.cli.main import main

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    written = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for descriptor in (1, 2):
        os.dup2(written, descriptor)
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", closefd=False)  # noqa: SIM115
    code = 1
    try:
        code = main(arguments)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code
