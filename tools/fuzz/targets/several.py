"""What several targets do with one input: read it in more than one way."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from masr.errors import MasrError


def each(*reads: Callable[[], Any]) -> list[Any]:
    """What the reads gave that did not refuse the input."""
    found = []
    for read in reads:
        try:
            found.append(read())
        except MasrError:
            continue
    return found


def number_of(folder: Path) -> int:
    """A number that depends on the files alone: by which of several ways one input is read."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 1 << 24)
    return zlib.crc32(b"".join(path.read_bytes() for path in paths))
