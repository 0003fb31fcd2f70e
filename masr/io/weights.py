"""Weights that a run ends with, and what they are compared with when they are read.

digests.json beside them has a digest of each file, as the record of a checkpoint has. A run of an older release has
none: it loads, and the log says that nobody knows whether its files are what was saved.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.errors import CheckpointError
from masr.files import ordinary, parse_json
from masr.io import checkpoint
from masr.io.atomic import atomic_path, atomic_write
from masr.io.identity import digest_of_file
from masr.io.layout import AVERAGE, DIGESTS, MODEL, RECORD, group_of

if TYPE_CHECKING:
    from torch import Tensor

_ALGORITHM = "sha256"
"""Of final weights; processors compute it several times as fast as the one of checkpoints."""
_VOUCHED: set[tuple[str, int, int, int, int]] = set()
"""Files that were compared in this process: who reads a part of one, and then another, need not read it twice."""
_COPY = "copy the folder of the run again, or let `masr train` write it again from its last checkpoint"


def write_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """One safetensors file, whole or not there, and its digest beside it.

    Killed between the two it has no digest, which is to be known, and never that of another file.
    """
    with checkpoint.disk_errors(path):
        with atomic_path(path) as temporary:
            checkpoint.write_file(temporary, tensors)
            digest = digest_of_file(temporary, _ALGORITHM)
            if _noted_or_none(path.parent).get(path.name) != digest:
                _note(path, None)
        _note(path, digest)


def read_weights(files: Iterable[Path], wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """The tensors of wanted names, where a later file replaces those of an earlier one.

    Files of ranks one after another hold rows of the same tensors. CheckpointError for a file that is missing,
    damaged, or not the one that was saved.
    """
    found: dict[str, Tensor] = {}
    for _, parts in groupby(files, lambda path: (path.parent, group_of(path.name))):
        pieces: dict[str, list[Tensor]] = {}
        for path in parts:
            for name, value in _read(path, wanted).items():
                pieces.setdefault(name, []).append(value)
        found |= {name: checkpoint.joined(rows, name, path) for name, rows in pieces.items()}
    return found


def _read(path: Path, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """What one file has of them."""
    from safetensors import SafetensorError, safe_open

    try:
        _vouch(ordinary(path))
        with safe_open(path, framework="pt") as stored:
            return {name: stored.get_tensor(name) for name in stored.keys() if wanted(name)}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: no such file",
            why="the run has not ended, or it is another folder",
            fix="run `masr train` again, or copy the whole folder of the run",
        ) from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: cannot be read: {error}", why="the file is damaged, or its copy was cut short", fix=_COPY
        ) from None


def require_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """CheckpointError where a value is NaN or infinite: what such weights compute is no result."""
    broken = [name for name, value in tensors.items() if value.is_floating_point() and not _is_finite(value)]
    if broken:
        raise CheckpointError(
            f"{path}: {broken[0]} holds values that are not finite"
            + (f", and {len(broken) - 1} other tensors do" if len(broken) > 1 else ""),
            why="the file is damaged, or was written by a program that let the training diverge",
            fix=_COPY,
        )


def _is_finite(value: Tensor) -> bool:
    """One pass without memory of its own; only where that overflows value by value."""
    return bool(value.sum().isfinite()) or bool(value.isfinite().all())


def _vouch(path: Path) -> None:
    """Compares a file with the digest that was noted when it was written; once for each state of the file."""
    found = path.stat()
    state = (str(path.absolute()), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    if state not in _VOUCHED:
        _compare(path)
        _VOUCHED.add(state)


def _compare(path: Path) -> None:
    digests, algorithm = _digests(path)
    if path.name not in digests:
        if not _is_of_transformers(path.parent):
            print(f"masr: {path}: has no digest, so damage to it would not show", file=sys.stderr)
        return
    if digest_of_file(path, algorithm) != digests[path.name]:
        raise CheckpointError(
            f"{path}: is not what was saved",
            why="it was cut short or damaged, or another file was put in its place",
            fix=_COPY + f"; if you changed it yourself, remove {path.name} from {path.with_name(DIGESTS).name}",
        )


def _digests(path: Path) -> tuple[dict[str, str], str]:
    """What was noted of the files of a folder, and how it was computed; CheckpointError where one of them is gone."""
    folder = path.parent
    if (folder / RECORD).is_file():
        digests = checkpoint.digests_of(folder)
        weights = [name for name in digests if group_of(name) in (group_of(MODEL), group_of(AVERAGE))]
        if missing := [name for name in weights if not (folder / name).is_file()]:
            raise CheckpointError(
                f"{folder / missing[0]}: is missing", why="the checkpoint's weights are what it holds", fix=_COPY
            )
        return digests, checkpoint.ALGORITHM
    return _noted(folder), _ALGORITHM


def _noted(folder: Path) -> dict[str, str]:
    """File name -> digest; empty where nothing was noted."""
    path = folder / DIGESTS
    try:
        found: Any = parse_json(ordinary(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}", fix=_COPY) from None
    if not isinstance(found, dict) or not all(isinstance(digest, str) for digest in found.values()):
        raise CheckpointError(f"{path}: is no list of digests", fix=_COPY)
    return found


def _noted_or_none(folder: Path) -> dict[str, str]:
    """The same for whoever writes: where the list is damaged, only what is written from now on has a digest."""
    try:
        return _noted(folder)
    except CheckpointError:
        return {}


def _note(path: Path, digest: str | None) -> None:
    """Writes a file's digest, or takes it away before the file changes."""
    digests = _noted_or_none(path.parent)
    if digests.get(path.name) == digest:
        return
    digests.pop(path.name, None)
    if digest is not None:
        digests[path.name] = digest
    atomic_write(path.with_name(DIGESTS), json.dumps(digests, indent=1, ensure_ascii=False) + "\n")


def _is_of_transformers(folder: Path) -> bool:
    from masr.io.trained import is_transformers

    return is_transformers(folder)
