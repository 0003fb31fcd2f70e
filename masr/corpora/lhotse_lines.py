"""JSON lines, plain or gzipped, one at a time."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from masr.errors import ArchiveError
from masr.files import open_ordinary, parse_json

_FIELDS = {name: re.compile(rb'"%s": ?"((?:[^"\\]|\\.)*)"' % name.encode()) for name in ("id", "recording_id")}
_MAX_LINE_BYTES = 64 << 20


def raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of every line that is not blank; ArchiveError where the file is damaged or cannot be opened."""
    number = 0
    try:
        with _opened(path) as stream:
            while line := stream.readline(_MAX_LINE_BYTES):
                number += 1
                if line.strip():
                    yield number, line
    except (EOFError, OSError, zlib.error) as error:
        raise ArchiveError(
            f"{path}: damaged after line {number}: {error}", fix="run `lhotse prepare` again, or copy it again"
        ) from None


def json_lines(path: Path, first: int, last: int) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Number and record of the lines from `first` (counted from 0, blank ones not) to before `last`."""
    for index, (number, line) in enumerate(raw_lines(path)):
        if index >= last:
            return
        if index >= first:
            yield number, parse(line)


def parse(line: bytes) -> dict[str, Any] | str:
    """The record of a line, or what is wrong with it."""
    try:
        record = parse_json(line)
    except ValueError as error:
        return f"not JSON: {' '.join(str(error).split())[:120]}"
    return record if isinstance(record, dict) else "not JSON: a line is not an object"


def field(line: bytes, name: str) -> str:
    """A text field of a line without parsing all of it, for most lines are somebody else's; empty where it is none."""
    match = _FIELDS[name].search(line)
    try:
        return str(parse_json(b'"' + match[1] + b'"')) if match else ""
    except ValueError:  # a broken escape, or no UTF-8
        return ""


def count_lines(path: Path) -> int:
    """How many lines are not blank."""
    return sum(1 for _ in raw_lines(path))


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with open_ordinary(path) as raw:
        if raw.read(2) == b"\x1f\x8b":
            raw.seek(0)
            with gzip.open(raw) as stream:
                yield stream  # type: ignore[misc]
        else:
            raw.seek(0)
            yield raw
