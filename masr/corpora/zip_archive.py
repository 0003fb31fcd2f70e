"""Members of a zip archive, one at a time: nothing is unpacked, and each is compared with its checksum."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from masr.corpora.archive import DAMAGED, MAX_MEMBER_BYTES, Member, damage_of, refuse_escapes
from masr.errors import ArchiveError
from masr.files import open_ordinary
from masr.types import Problem

_ENCRYPTED = 0x1
_LINK, _FILE_TYPE = 0o120000, 0o170000


def zip_names(path: Path, suffix: str = ".wav") -> list[str]:
    """The members that end in `suffix`, sorted; ArchiveError where the archive has no list of them.

    The list stands at the end of the file: an archive that was cut short has none.
    """
    try:
        with open_ordinary(path) as raw, zipfile.ZipFile(raw) as archive:
            infos = archive.infolist()
    except FileNotFoundError:
        raise ArchiveError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise ArchiveError(f"{path}: {DAMAGED}: {damage_of(error)}", fix="download it again") from None
    for info in infos:
        refuse_escapes(path, info.filename)
    return sorted({info.filename for info in infos if info.filename.lower().endswith(suffix)})


def zip_members(
    path: Path, names: Sequence[str], max_bytes: int = MAX_MEMBER_BYTES
) -> Iterator[tuple[str, Member | Problem]]:
    """Each name with its member, or with what is wrong with it; a damaged member spoils no other."""
    where = f"{path.parent.name}/{path.name}"
    with open_ordinary(path) as raw, zipfile.ZipFile(raw) as archive:
        for name in names:
            reason, content = _content(archive, name, max_bytes)
            yield name, Problem(f"{where}:{name}", reason) if reason else Member(name, content)


def _content(archive: zipfile.ZipFile, name: str, max_bytes: int) -> tuple[str, bytes]:
    """Why the member cannot be used, or "" and what it holds."""
    info = archive.getinfo(name)
    if info.file_size > max_bytes:
        return f"too large: {info.file_size} bytes, more than {max_bytes}", b""
    if info.flag_bits & _ENCRYPTED:
        return "encrypted member", b""
    if info.external_attr >> 16 & _FILE_TYPE == _LINK:
        return "not a regular file: a link", b""
    try:
        with archive.open(info) as stream:
            content = stream.read(max_bytes + 1)
    except NotImplementedError:
        return f"unreadable archive: compression method {info.compress_type}; unpack it, and give the folder", b""
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
        return f"{DAMAGED}: {damage_of(error)}; download it again", b""
    if len(content) != info.file_size:
        return f"{DAMAGED}: {len(content)} bytes, its list says {info.file_size}; download it again", b""
    return "", content


def folder_of(name: str) -> str:
    """The folder that a member lies in; "" where it lies in none."""
    return PurePosixPath(name).parent.name
