"""Audio that is read where it lies: inside a tar archive, or on another machine. What wav.scp says of it:

FILE.tar:FIRST+SIZE      SIZE bytes of an archive without compression: an audio file of any format
URL                      an audio file on another machine (masr/io/elsewhere.py)
URL.tar:FIRST+SIZE       one inside an archive there
"""

from __future__ import annotations

import re
from typing import NamedTuple

from masr.errors import AudioError
from masr.files import open_ordinary
from masr.io.elsewhere import MOST_BYTES, is_elsewhere, remote_bytes

_INSIDE = re.compile(r"(?P<archive>.+\.tar):(?P<first>[0-9]{1,18})\+(?P<size>[0-9]{1,18})", re.DOTALL)


class Inside(NamedTuple):
    """A part of an archive."""

    archive: str
    first: int
    size: int

    def __str__(self) -> str:
        return f"{self.archive}:{self.first}+{self.size}"


def inside(entry: str) -> Inside | None:
    """The part of an archive that an entry of wav.scp names; None where it names something else."""
    match = _INSIDE.fullmatch(entry)
    return None if match is None else Inside(match["archive"], int(match["first"]), int(match["size"]))


def bytes_in_place(entry: str) -> bytes | None:
    """The audio file that an entry names, where it lies inside another or elsewhere; None where it is a path."""
    part = inside(entry)
    if part is None:
        return remote_bytes(entry) if is_elsewhere(entry) else None
    if not 0 < part.size <= MOST_BYTES:
        raise AudioError(f"no audio file has {part.size} bytes")
    if is_elsewhere(part.archive):
        return remote_bytes(*part)
    try:
        with open_ordinary(part.archive) as stream:
            stream.seek(part.first)
            found = stream.read(part.size)
    except FileNotFoundError:
        raise AudioError("missing file") from None
    except OSError as error:
        raise AudioError(f"cannot be read: {error.strerror or error}") from None
    if len(found) < part.size:
        raise AudioError(f"truncated: the archive ends {part.size - len(found)} bytes before the file in it")
    return found
