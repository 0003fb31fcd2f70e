"""Files on other machines, read where they lie: s3://, gs://, https:// and whatever else fsspec knows.

A table may come from anyone, so nothing is fetched because a table says so: MASR_REMOTE has to name the beginnings of
the addresses that may be read, with blanks between them.

    export MASR_REMOTE="s3://our-speech/ https://data.example.org/corpora/"
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Any

from masr.errors import AudioError, MasrError

ALLOWED = "MASR_REMOTE"
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
MOST_BYTES = 256 << 20
"""Of one audio file: more than two hours of 16 kHz mono."""
_WAITS_SEC = (0.2, 1.0, 5.0)
"""Before a request that failed is made again."""


def is_elsewhere(place: str) -> bool:
    """Whether it is the address of something on another machine."""
    return _URL.match(place) is not None


def remote_bytes(url: str, first: int = 0, size: int | None = None) -> bytes:
    """So many bytes of what lies at an address, or all of it; AudioError where they cannot be had."""
    files, path = _files_of(url)
    if size is None:
        there = _asked(lambda: files.size(path))
        if there is not None and there > MOST_BYTES:
            raise AudioError(f"no audio file has {there} bytes")
    found = _asked(lambda: files.cat_file(path, start=first or None, end=None if size is None else first + size))
    if size is not None and len(found) > size:
        raise AudioError(
            "the server gives whole files, where a part was asked for", fix="take one that serves ranges of bytes"
        )
    if size is not None and len(found) < size:
        raise AudioError(f"truncated: {len(found)} of {size} bytes are there")
    return bytes(found)


def _asked(request: Callable[[], Any]) -> Any:
    """What a server answers; asked again where that may help."""
    for wait in (*_WAITS_SEC, None):
        try:
            return request()
        except FileNotFoundError:
            raise AudioError("missing file") from None
        except Exception as error:
            if isinstance(error, PermissionError) or getattr(error, "status", 0) in (401, 403):
                raise AudioError(f"the server refuses it: {_said(error)}") from None
            if wait is None:
                raise AudioError(f"cannot be read, after {len(_WAITS_SEC) + 1} tries: {_said(error)}") from None
            time.sleep(wait)
    raise AssertionError


@contextmanager
def open_remote(url: str) -> Iterator[IO[bytes]]:
    """What lies at an address, read forwards in large pieces; OSError where it cannot be had."""
    files, path = _files_of(url)
    try:
        with files.open(path, "rb", block_size=8 << 20) as stream:
            yield stream
    except (MasrError, OSError):
        raise
    except Exception as error:
        raise OSError(_said(error)) from None


def _files_of(url: str) -> tuple[Any, str]:
    # A whole name of a machine or folder: https://a.org allows nothing of https://a.org.net.
    allowed = [start.rstrip("/") + "/" for start in os.environ.get(ALLOWED, "").split()]
    if not any(url.startswith(start) for start in allowed) or "/../" in url:
        raise AudioError(
            "lies on another machine, from which nothing may be read",
            why=f"a table may come from anyone, and {ALLOWED} names no beginning of {url!r}",
            fix=f"export {ALLOWED}={url[: url.rfind('/') + 1]!r}, if you trust it",
        )
    return _files(url.partition("://")[0].lower(), os.getpid()), url


@lru_cache(maxsize=8)
def _files(protocol: str, _process: int) -> Any:
    """What fsspec has for a protocol, anew in each process: connections do not survive a fork."""
    import fsspec

    try:
        return fsspec.filesystem(protocol, skip_instance_cache=True)
    except (ImportError, ValueError) as error:
        raise AudioError(f"{protocol}:// cannot be read: {_said(error)}") from None


def _said(error: Exception) -> str:
    """What an error says, in a line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
