"""Decoded audio kept once: int16 wavs one after another in a Kaldi ark, read through a memory map.

A value of the ark is a whole RIFF wav (44-byte header, mono int16), so `path.ark:offset` is a wav.scp entry that
Kaldi and everything that follows it reads, and the samples lie at `offset + 44` for numpy to map.
"""

from __future__ import annotations

import io
import mmap
import os
import secrets
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import TracebackType

import numpy as np

from masr.errors import ArchiveError, AudioError
from masr.io.audio import split_entry
from masr.io.riff import HEADER_BYTES, read_riff, riff_header
from masr.types import Int16Array

_OPEN_MAPS = 256
_HEAD_BYTES = 4096


class ShardWriter:
    """Appends utterances to one ark, which takes its name when the `with` block ends without an error.

    `named` is where the ark will lie once its folder is moved; entries say that path.
    """

    def __init__(self, path: Path, sample_rate: int = 16000, named: Path | None = None) -> None:
        self.path = Path(path)
        self.sample_rate = sample_rate
        self.named = Path(named or path).absolute()
        self.num_utterances = 0
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")

    def __enter__(self) -> ShardWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._temporary.open("wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        kept = False
        try:
            with self._stream:
                if kind is None and self.num_utterances:
                    self._stream.flush()
                    os.fsync(self._stream.fileno())
                    kept = True
        finally:
            if not kept:
                self._temporary.unlink(missing_ok=True)
        if kept:
            self._temporary.replace(self.path)

    def append(self, key: str, samples: Int16Array | Iterable[Int16Array]) -> tuple[str, int]:
        """One utterance, in one piece or in blocks: its wav.scp entry and number of samples.

        Where the blocks raise an error nothing is left of the utterance.
        """
        if not key or any(c.isspace() for c in key):
            raise ArchiveError(f"{key!r} cannot be a key of a Kaldi archive: it is empty or holds a blank")
        before = self._stream.tell()
        try:
            return self._append(key, [samples] if isinstance(samples, np.ndarray) else samples)
        except BaseException:
            self._stream.seek(before)
            self._stream.truncate()
            raise

    def _append(self, key: str, blocks: Iterable[Int16Array]) -> tuple[str, int]:
        self._stream.write(key.encode() + b" ")
        offset = self._stream.tell()
        self._stream.write(bytes(HEADER_BYTES))
        num_samples = 0
        for block in blocks:
            if block.dtype != np.int16 or block.ndim != 1:
                raise ArchiveError(f"a shard holds mono int16, not {block.ndim} dimensions of {block.dtype}")
            self._stream.write(np.ascontiguousarray(block, dtype="<i2").data)
            num_samples += len(block)
        if not num_samples:
            raise AudioError("empty: no samples")
        end = self._stream.tell()
        self._stream.seek(offset)
        self._stream.write(riff_header(num_samples, self.sample_rate))
        self._stream.seek(end)
        self.num_utterances += 1
        return f"{self.named}:{offset}", num_samples


def read_shard(entry: str) -> Int16Array:
    """The samples behind `path.ark:offset`, as a read-only view of the file: nothing is copied."""
    path, offset = split_entry(entry)
    try:
        status = path.stat()
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read: {error.strerror}") from None
    mapped = _mapped(path, status.st_mtime_ns, status.st_size)
    head = io.BytesIO(mapped[offset : offset + _HEAD_BYTES])  # a copy, for a map's own position is not thread-safe
    try:
        riff = read_riff(head, 0, len(mapped) - offset)
    except AudioError as error:
        raise ArchiveError(f"{entry}: {error.what}") from None
    if riff is None or not riff.is_int16 or riff.num_channels != 1:
        raise ArchiveError(
            f"{entry}: no mono 16-bit wav starts here",
            why="the ark was replaced after wav.scp was written, or it is not a shard of ours",
            fix="run `masr prepare` again",
        )
    return np.frombuffer(mapped, dtype="<i2", count=riff.num_samples, offset=offset + riff.data_start)


@lru_cache(maxsize=_OPEN_MAPS)
def _mapped(path: Path, mtime_ns: int, size: int) -> mmap.mmap:  # noqa: ARG001 (see below)
    """The file; modification time and size are part of the key, so that a replaced shard is mapped anew."""
    if not size:
        raise ArchiveError(f"{path}: an empty file")
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
