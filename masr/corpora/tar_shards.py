"""The files of a tar that holds part of a corpus, in their order: here, or at an address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from masr.corpora.archive import DAMAGED, UNPACKING_ERRORS, refuse_escapes, unpacked
from masr.corpora.tar_headers import DamagedTarError, TarReader
from masr.files import open_ordinary
from masr.io.elsewhere import is_elsewhere, open_remote
from masr.io.inside import Inside
from masr.types import Problem


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a shard."""

    name: str
    content: bytes
    entry: str | None
    """Where the file lies by itself, in an archive without compression."""


def members(shard: str, where: str, most_bytes: Callable[[str], int | str]) -> Iterator[Member | Problem]:
    """The files of a shard that are wanted; what its damage is comes last.

    `most_bytes` says of a name how large its file may be, 0 where it is passed over, or what is wrong with it.
    """
    num_read, is_compressed = 0, False
    try:
        with _opened(shard) as (stream, is_compressed):
            tar = TarReader(stream, is_compressed)
            for info in tar.headers():
                refuse_escapes(Path(where), info.name)
                most = most_bytes(info.name) if info.isreg() else 0
                if isinstance(most, int) and info.size > most > 0:
                    most = f"too large: {info.size} bytes, more than {most}"
                if isinstance(most, str):
                    yield Problem(f"{where}:{info.name}", most)
                elif most:
                    place = None if is_compressed else str(Inside(shard, stream.tell(), info.size))
                    yield Member(info.name, tar.content(info), place)
                    num_read += 1
    except FileNotFoundError:
        yield Problem(where, "no such shard")
    except (DamagedTarError, *UNPACKING_ERRORS) as error:
        reason = f"{DAMAGED}: ends after {num_read} files ({str(error) or 'unexpected end'}); download it again"
        yield Problem(where, reason, spoils_part=is_compressed)


@contextmanager
def _opened(shard: str) -> Iterator[tuple[IO[bytes], bool]]:
    """A shard's bytes without their compression, and whether there was one."""
    if is_elsewhere(shard):
        with open_remote(shard) as stream:
            yield stream, False
        return
    with open_ordinary(shard) as raw, unpacked(raw) as (stream, is_compressed):
        yield stream, is_compressed
