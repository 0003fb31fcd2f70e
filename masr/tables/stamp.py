"""What a task reads, as one line that changes when the content changes, and not when it is copied or moved.

A data directory counts by its tables, without the folders in its paths, and by the configuration and CMVN statistics
of the archives that its features lie in. A YAML file counts with its bases. Files above 16 MiB are known by size and
modification time. Records of when and where something was made do not count.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from masr.config.plain import SettingsReader
from masr.io.layout import CMVN_SCP, FEATS_SCP, PROBLEMS_TSV, PROVENANCE, RESOLVED_CONFIG, UTT2SPK, WAV_SCP

CONTENT_LIMIT_BYTES = 16 * 2**20
MISSING = "missing"
_SKIPPED = (PROVENANCE, PROBLEMS_TSV)
_CMVN_ARK = "cmvn.ark"


def stamp(path: Path) -> str:
    """One line; `missing` where nothing is there."""
    if path.is_dir():
        parts = _data_directory(path) if (path / UTT2SPK).is_file() else _folder(path)
        return f"folder {_digest(list(parts))}"
    if not path.exists():
        return MISSING
    if path.suffix in (".yaml", ".yml"):
        return f"yaml {_digest(SettingsReader().settings(path))}"
    return _file(path)


def _data_directory(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith(".") or path.name in _SKIPPED:
            continue
        if path.suffix == ".scp" and path.stat().st_size <= CONTENT_LIMIT_BYTES:
            yield path.name, _digest(_rows_of(path))
        else:
            yield path.name, _file(path)
    for number, archives in enumerate(_archives(folder)):
        for name in (RESOLVED_CONFIG, _CMVN_ARK):
            yield f"{number}/{name}", _file(archives / name) if (archives / name).is_file() else MISSING


def _rows_of(path: Path) -> list[list[str]]:
    """A table of paths: the ids, and for audio the file's name too; which archive holds what is no content."""
    rows = [line.split(maxsplit=1) for line in path.read_text("utf-8", errors="surrogateescape").splitlines()]
    if path.name == WAV_SCP:
        return [[row[0], row[-1].rsplit("/", 1)[-1]] for row in rows if row]
    return [row[:1] for row in rows if row]


def _archives(folder: Path) -> list[Path]:
    """The folders that the features lie in, in the order in which the table names them."""
    found: dict[str, None] = {}
    for name in (FEATS_SCP, CMVN_SCP):
        path = folder / name
        if path.is_file() and path.stat().st_size <= CONTENT_LIMIT_BYTES:
            for line in path.read_text("utf-8", errors="surrogateescape").splitlines():
                found.setdefault(line.partition(" ")[2].strip().rsplit("/", 1)[0])
    return [folder.parent.parent / name for name in found]


def _folder(folder: Path) -> Iterator[tuple[str, str]]:
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name not in _SKIPPED:
                path = Path(parent, name)
                yield str(path.relative_to(folder)), _file(path)


def _file(path: Path) -> str:
    try:
        found = path.stat()
        if found.st_size > CONTENT_LIMIT_BYTES:
            return f"{found.st_size} bytes at {found.st_mtime_ns}"
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:  # a link that leads nowhere
        return MISSING


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
