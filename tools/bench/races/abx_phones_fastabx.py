"""The items of the race `abx_phones` against fastabx, which takes Python 3.12 and works in a process of its own.

MASR_FASTABX_PYTHON names the interpreter that has it:

    python3.12 -m venv fastabx && fastabx/bin/pip install fastabx
    MASR_FASTABX_PYTHON=fastabx/bin/python python tools/bench/run.py abx_phones_fastabx
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from race import Race, Runner, Turn, open_copy

VARIABLE = "MASR_FASTABX_PYTHON"
WORKER = Path(__file__).parents[1] / "fastabx_worker.py"


@cache
def items() -> Any:
    """The race beside this one."""
    return open_copy("abx_phones")


class Worker:
    """fastabx at work: the error of a turn, and the CPU seconds of all turns so far."""

    def __init__(self, python: str) -> None:
        self.cpu_sec = 0.0
        frames, labels, ends = items().spoken()
        context, speaker, phone = np.array(labels).T
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "items.npz")
            np.savez(path, frames=frames, end=ends, context=context, speaker=speaker, phone=phone)
            self.process = subprocess.Popen(
                [python, str(WORKER), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self._line()

    def error(self) -> float:
        """One turn."""
        to = cast(IO[str], self.process.stdin)
        to.write("\n")
        to.flush()
        answer = json.loads(self._line())
        self.cpu_sec += answer["cpu_sec"]
        return float(answer["error"])

    def _line(self) -> str:
        line = cast(IO[str], self.process.stdout).readline()
        if not line:
            raise ImportError(f"{VARIABLE} has no fastabx that works")
        return line


@cache
def worker() -> Worker:
    """ImportError or OSError where there is none."""
    python = os.environ.get(VARIABLE)
    if not python:
        raise ImportError(f"{VARIABLE} names no Python that has fastabx")
    return Worker(python)


def theirs() -> Turn:
    peer = worker()

    def turn() -> float:
        peer.error()
        return float(items().CELLS)

    return turn


def check() -> str:
    """Both find the same error."""
    found = items().our_error()
    try:
        expected = worker().error()
    except (ImportError, OSError) as error:
        return f"{error}, so the error {found:.6f} was not compared"
    if abs(found - expected) > 1e-5:
        raise RuntimeError(f"errors {found} and {expected}")
    return f"the same error {found:.6f}, {abs(found - expected):.0e} apart"


def race() -> Race:
    runners = [
        Runner("masr phone_errors", items().ours),
        Runner("fastabx", theirs, 2.0, clock=lambda: worker().cpu_sec),
    ]
    return Race("Phone ABX with DTW, the same items, against fastabx", "cells", runners, check)
