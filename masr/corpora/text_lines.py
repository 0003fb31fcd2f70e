"""Lines of a text file that anybody may have written, one at a time, each as it is or as a problem."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from masr.files import open_ordinary
from masr.types import Problem

MAX_LINE_BYTES = 1 << 20


def bounded_lines(
    path: Path, where: str, first: int = 0, last: int | None = None
) -> Iterator[tuple[str, str | Problem]]:
    """`where`:number and text of each line from `first` to before `last`, counted from 0; blank lines are passed over.

    A line that is no UTF-8, or longer than a megabyte, comes as the Problem it is.
    """
    try:
        with open_ordinary(path) as stream:
            for index, line in enumerate(_raw(stream)):
                if last is not None and index >= last:
                    return
                if index >= first and line.strip():
                    place = f"{where}:{index + 1}"
                    yield place, _text(place, line)
    except OSError as error:
        yield where, Problem(where, f"cannot be read: {error.strerror or error}")


def count_lines(path: Path) -> int:
    """How many lines a file has, blank ones too; none where it cannot be read."""
    try:
        with open_ordinary(path) as stream:
            return sum(1 for _ in _raw(stream))
    except OSError:
        return 0


def _raw(stream: BinaryIO) -> Iterator[bytes]:
    """Lines, of which one that is too long comes cut, once."""
    readline = stream.readline
    while line := readline(MAX_LINE_BYTES + 1):
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = readline(MAX_LINE_BYTES + 1)
        yield line


def _text(place: str, line: bytes) -> str | Problem:
    if len(line) > MAX_LINE_BYTES:
        return Problem(place, "line too long: more than a megabyte")
    try:
        return line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        return Problem(place, f"not UTF-8: {error.reason} at byte {error.start + 1}")
