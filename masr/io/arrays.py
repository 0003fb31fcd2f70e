"""numpy's files, read so that no file names the memory that is taken: ValueError in few words for all that is none."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.files import open_ordinary, ordinary

Array = npt.NDArray[Any]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How numpy writes a member; Python may not have the others, and nobody needs them here."""
_NO_ARRAY = (
    *(ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError),  # of a description, which is parsed
    *(EOFError, OverflowError, MemoryError),  # of what it promises
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError),
)
"""What numpy and zipfile raise for files that are damaged."""


def map_array(path: Path) -> Array:
    """The array of a .npy file, mapped; ValueError where it is none, OSError where it cannot be opened."""
    try:
        array = np.load(ordinary(path), mmap_mode="r", allow_pickle=False)
    except _NO_ARRAY as error:
        raise ValueError(_reason(error)) from None
    if not isinstance(array, np.ndarray):
        raise ValueError("it holds several arrays")
    return array


def read_npz(path: Path, names: Sequence[str], most_bytes: int) -> list[Array]:
    """The arrays of these names; ValueError where one is missing, larger than `most_bytes`, or no array."""
    try:
        with open_ordinary(path) as stream, zipfile.ZipFile(stream) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            return [_member(archive, members.get(name), name, most_bytes) for name in names]
    except _NO_ARRAY as error:
        raise ValueError(_reason(error)) from None


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo | None, name: str, most_bytes: int) -> Array:
    if info is None:
        raise ValueError(f"it has no {name}")
    if info.compress_type not in _METHODS:
        raise ValueError(f"{name} is compressed by method {info.compress_type}, which numpy does not write")
    if info.file_size > most_bytes:
        raise ValueError(f"{name} has {info.file_size} bytes, and {most_bytes} are the most")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        if dtype.hasobject:
            raise ValueError(f"{name} holds Python objects")
        count = 1
        for size in shape:
            count *= size
        data = stream.read(most_bytes)
        if len(data) != count * dtype.itemsize:
            raise ValueError(f"{name} holds {len(data)} bytes of {count * dtype.itemsize}")
    array: Array = np.frombuffer(data, dtype=dtype, count=count).reshape(shape[::-1] if fortran else shape)
    return array.T if fortran else array


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
