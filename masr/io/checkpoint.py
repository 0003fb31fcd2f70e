"""Checkpoints without pickle: safetensors and JSON in one folder that appears whole or not at all.

A folder holds one file per group of tensors and record.json with everything else, a digest of each file among it. A
folder whose digests do not agree was cut short or damaged, and counts as absent.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.errors import CheckpointError
from masr.files import ordinary, parse_json
from masr.io.atomic import by_umask, flush, temporary_name
from masr.io.identity import digest_of_file
from masr.io.layout import RECORD

if TYPE_CHECKING:
    from torch import Tensor

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_DIGESTS, ALGORITHM = "digests", "blake2b"

Groups = Mapping[str, Mapping[str, "Tensor"]]
"""File name without suffix -> names -> tensors."""


def save(folder: Path, groups: Groups, record: Mapping[str, Any]) -> None:
    """Writes `folder`; killed at any moment, it leaves the folder whole or absent."""
    temporary = temporary_name(folder)
    with disk_errors(folder):
        try:
            temporary.mkdir(parents=True)
            digests = {}
            for name, tensors in groups.items():
                path = temporary / f"{name}.safetensors"
                write_file(path, tensors)
                digests[path.name] = digest_of_file(path, ALGORITHM)
            text = json.dumps({**record, _DIGESTS: digests}, indent=1, ensure_ascii=False, allow_nan=False)
            (temporary / RECORD).write_text(text + "\n", encoding="utf-8")
            for path in (*temporary.iterdir(), temporary):
                flush(path)
            if folder.exists():  # one that was found damaged; a whole one is never written again
                shutil.rmtree(folder)
            temporary.rename(folder)
            flush(folder.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def load(folder: Path, only: Collection[str] = ()) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The groups (all, or those named) and the record of a whole checkpoint.

    CheckpointError says what is wrong with any other.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    record = read_record(folder)
    groups = {}
    for name, digest in record.pop(_DIGESTS).items():
        path = folder / name
        if only and path.stem not in only:
            continue
        try:
            if digest_of_file(path, ALGORITHM) != digest:
                raise CheckpointError(f"{path}: is not what was saved", why="it was cut short or damaged")
            groups[path.stem] = load_file(path)
        except FileNotFoundError:
            raise CheckpointError(f"{path}: is missing") from None
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{path}: cannot be read: {error}") from None
    return groups, record


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a checkpoint, without its tensors."""
    path = folder / RECORD
    try:
        record: dict[str, Any] = parse_json(ordinary(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: is not a checkpoint: it has no {RECORD}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from None
    if not isinstance(record, dict) or not isinstance(record.get(_DIGESTS), dict):
        raise CheckpointError(f"{path}: is not a checkpoint's record")
    return record


def digests_of(folder: Path) -> dict[str, str]:
    """File name -> digest, as a checkpoint's record has them."""
    return {str(name): str(digest) for name, digest in read_record(folder)[_DIGESTS].items()}


def write_file(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """One safetensors file, readable by whom the umask lets; a power cut may leave a part of it.

    OSError where the disk refuses it: safetensors has an error of its own, which has the number in its text.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with by_umask(path):
        try:
            save_file(dict(_apart(tensors)), path)
        except SafetensorError as error:
            number = _OS_ERROR.search(str(error))
            if number is None:
                raise
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None


def _apart(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Each tensor with memory of its own: the format has no views and no tensor under two names."""
    seen: set[int] = set()
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        storage = tensor.untyped_storage()
        if tensor.numel() and (storage.data_ptr() in seen or storage.nbytes() != tensor.nbytes):
            tensor = tensor.clone()
        seen.add(storage.data_ptr())
        yield name, tensor


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns what a disk refuses into a CheckpointError."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be saved: {error.strerror or error}",
            why="the disk is full or not writable",
            fix="free some space and run the same command again: it goes on from the checkpoint before",
        ) from None
