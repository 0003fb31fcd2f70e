"""Zip archives that cannot be read: what is wrong is said of each member, and nothing ends in a traceback."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from masr.corpora.archive import Member
from masr.corpora.zip_archive import zip_members, zip_names
from masr.errors import ArchiveError
from masr.types import Problem

CONTENT = bytes(range(256)) * 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def written(path: Path, method: int = zipfile.ZIP_STORED) -> bytearray:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo("af/b.wav", (2020, 11, 1, 0, 0, 0)), CONTENT, method)
    return bytearray(path.read_bytes())


def said(path: Path, content: bytes) -> str:
    """What is wrong with the archive's one member, or with the archive; empty where it is as it was written."""
    path.write_bytes(content)
    try:
        items = [item for _, item in zip_members(path, zip_names(path))]
    except ArchiveError as error:
        return error.what.removeprefix(f"{path}: ")
    for item in items:
        if isinstance(item, Problem):
            return item.reason
    assert items in ([], [Member("af/b.wav", CONTENT)])
    return "" if items else "no member"


def in_both_headers(content: bytearray, offset: int, value: int) -> bytes:
    """The archive with two bytes of its member's header changed, in the list at its end as well."""
    struct.pack_into("<H", content, offset, value)
    struct.pack_into("<H", content, content.rindex(b"PK\1\2") + offset + 2, value)
    return bytes(content)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_that_python_knows_is_read(tmp_path: Path, method: int) -> None:
    assert said(tmp_path / "a.zip", written(tmp_path / "a.zip", method)) == ""


@pytest.mark.parametrize("method", [9, 95, 98])
def test_a_method_that_python_lacks_is_named(tmp_path: Path, method: int) -> None:
    reason = said(tmp_path / "a.zip", in_both_headers(written(tmp_path / "a.zip"), 8, method))
    assert reason == f"unreadable archive: compression method {method}; unpack it, and give the folder"


def test_what_is_encrypted_is_called_so(tmp_path: Path) -> None:
    assert said(tmp_path / "a.zip", in_both_headers(written(tmp_path / "a.zip"), 6, 0x1)) == "encrypted member"


@pytest.mark.parametrize("method", METHODS)
def test_no_changed_byte_ends_in_a_traceback(tmp_path: Path, method: int) -> None:
    """Each byte of both headers and of what the data begin with, and some of the rest; the checksum says the rest."""
    whole = written(tmp_path / "a.zip", method)
    ends = [*range(80), *range(len(whole) - 120, len(whole))]
    for place in [*ends, *np.random.default_rng(0).integers(80, len(whole) - 120, 20)]:
        for value in {0, 0xFF, whole[place] ^ 1} - {whole[place]}:
            damaged = whole.copy()
            damaged[place] = value
            said(tmp_path / "a.zip", damaged)
