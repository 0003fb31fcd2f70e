"""What lies at a path and is no file, and text that calls itself JSON: refused before it is read.

A pipe may never speak, and a device never stop: nothing but a file is waited for.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Any

_OPEN_PIPES = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""What a shell names in place of a file, `<(zcat ref.gz)`: somebody writes into it already."""
_MOST_DIGITS = 308
"""Of a whole number in JSON: each of so many can become a float, which whoever reads a figure does."""
_KINDS = {
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


def ordinary(path: str | os.PathLike[str]) -> Path:
    """The path, ready to be read once from its beginning; OSError where there is no file, or something else.

    A pipe that a shell has opened can be read so as well.
    """
    mode = _named(path).stat().st_mode
    if not (stat.S_ISFIFO(mode) and str(path).startswith(_OPEN_PIPES)):
        _refuse_other_than_file(mode, path)
    return Path(path)


def open_ordinary(path: str | os.PathLike[str]) -> BufferedReader:
    """The bytes of a file, to be read in any order; OSError, at once, where there is none, or something else.

    What is opened is what was looked at, and a pipe is none, for it cannot be read twice.
    """
    descriptor = os.open(_named(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe opens without its writer
    try:
        _refuse_other_than_file(os.fstat(descriptor).st_mode, path)
    except OSError:
        os.close(descriptor)
        raise
    return open(descriptor, "rb")  # noqa: PTH123 (a descriptor has no path)


def _named(path: str | os.PathLike[str]) -> Path:
    if not can_be_named(str(path)):
        raise FileNotFoundError(errno.ENOENT, "no file can have this name", str(path))
    return Path(path)


def _refuse_other_than_file(mode: int, path: str | os.PathLike[str]) -> None:
    if stat.S_ISREG(mode):
        return
    kind = _KINDS.get(stat.S_IFMT(mode), "something else")
    code = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
    raise OSError(code, f"not a file but {kind}", str(path))


def can_be_named(name: str) -> bool:
    """Whether a file could have this name: it holds no NUL, and no half of a character."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def parse_json(text: str | bytes | bytearray, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """What the text holds; ValueError where it is no JSON, or is nested deeper than anything masr writes.

    `parse_constant` says what NaN and Infinity are, which JSON does not have. A whole number that is beyond every float
    is infinite, as 1e999 is.
    """
    if isinstance(text, bytes | bytearray):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    decoder = json.JSONDecoder(parse_int=_whole, parse_constant=parse_constant) if parse_constant else _DECODER
    try:
        return decoder.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(digits: str) -> int | float:
    if len(digits) > _MOST_DIGITS and len(digits.lstrip("-")) > _MOST_DIGITS:
        return float(digits)
    return int(digits)


_DECODER = json.JSONDecoder(parse_int=_whole)
