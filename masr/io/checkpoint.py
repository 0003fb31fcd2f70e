"""Checkpoints without pickle: safetensors and JSON in one folder that appears whole or not at all.

A folder holds one file per group of tensors and record.json with everything else, a digest of each file among it. A
folder whose digests do not agree was cut short or damaged, and counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

RECORD = "record.json"
_DIGESTS = "digests"

Groups = Mapping[str, Mapping[str, "Tensor"]]
"""File name without suffix -> names -> tensors."""


def save(folder: Path, groups: Groups, record: Mapping[str, Any]) -> None:
    """Writes `folder`; killed at any moment, it leaves the folder whole or absent."""
    from safetensors.torch import save_file

    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    try:
        digests = {}
        for name, tensors in groups.items():
            path = temporary / f"{name}.safetensors"
            save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, path)
            digests[path.name] = _digest(path)
        text = json.dumps({**record, _DIGESTS: digests}, indent=1, ensure_ascii=False)
        (temporary / RECORD).write_text(text + "\n", encoding="utf-8")
        for path in temporary.iterdir():
            _flush(path)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
        _flush(folder.parent)
    except OSError as error:
        raise CheckpointError(
            f"{folder}: cannot be saved: {error.strerror or error}",
            why="the disk is full or not writable",
            fix="free some space and run the same command again: it goes on from the checkpoint before",
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load(folder: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The groups and the record of a whole checkpoint; CheckpointError says what is wrong with any other."""
    from safetensors.torch import load_file

    record = read_record(folder)
    groups = {}
    for name, digest in record.pop(_DIGESTS).items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path}: is missing")
        if _digest(path) != digest:
            raise CheckpointError(f"{path}: is not what was saved", why="it was cut short or damaged")
        groups[path.stem] = load_file(path)
    return groups, record


def read_record(folder: Path) -> dict[str, Any]:
    """record.json alone."""
    path = folder / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: is not a checkpoint: it has no {RECORD}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from None
    if not isinstance(record, dict) or not isinstance(record.get(_DIGESTS), dict):
        raise CheckpointError(f"{path}: is not a checkpoint's record")
    return record


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
