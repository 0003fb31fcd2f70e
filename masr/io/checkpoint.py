"""Checkpoints without pickle: safetensors and JSON in one folder that appears whole or not at all.

A folder holds one file per group of tensors and record.json with everything else, a digest of each file among it. A
folder whose digests do not agree was cut short or damaged, and counts as absent.

Where a model is spread over ranks each rank writes the rows that it holds, in a file per group and rank. The head of
each file then says how many rows each of these tensors has in all: a rank has those of `rows_of_rank`. It stands there,
and not in the record, as the digest covers it. What all ranks have alike is in the file of the first.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.errors import CheckpointError
from masr.files import ordinary, parse_json
from masr.io.atomic import by_umask, flush, temporary_name
from masr.io.identity import digest_of_file
from masr.io.layout import RECORD, group_of, rank_file

if TYPE_CHECKING:
    from torch import Tensor

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_DIGESTS, ALGORITHM = "digests", "blake2b"
_ROWS = "rows"

Groups = Mapping[str, Mapping[str, "Tensor"]]
"""Group -> names -> tensors."""
Rows = Mapping[str, Mapping[str, int]]
"""Group -> names of tensors that are spread over ranks -> rows of the whole tensor."""


def save(folder: Path, groups: Groups, record: Mapping[str, Any]) -> None:
    """Writes `folder`; killed at any moment, it leaves the folder whole or absent."""
    temporary = begin(folder)
    with disk_errors(folder):
        try:
            publish(temporary, folder, record, write_groups(temporary, groups))
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def begin(folder: Path) -> Path:
    """A folder to write to, which `publish` names `folder`."""
    with disk_errors(folder):
        temporary = temporary_name(folder)
        temporary.mkdir(parents=True)
    return temporary


def write_groups(
    folder: Path, groups: Groups, rank: int = 0, ranks: int = 1, rows: Rows | None = None
) -> dict[str, str]:
    """Writes what one rank has, safe on disk; file name -> digest."""
    digests = {}
    for name, tensors in groups.items():
        path = folder / rank_file(name, rank, ranks)
        write_file(path, tensors, {_ROWS: json.dumps(rows[name], sort_keys=True)} if rows else None)
        digests[path.name] = digest_of_file(path, ALGORITHM)
        flush(path)
    return digests


def publish(temporary: Path, folder: Path, record: Mapping[str, Any], digests: Mapping[str, str]) -> None:
    """Writes the record beside the files of all ranks, and gives their folder its name."""
    text = json.dumps({**record, _DIGESTS: digests}, indent=1, ensure_ascii=False, allow_nan=False)
    (temporary / RECORD).write_text(text + "\n", encoding="utf-8")
    for path in (temporary / RECORD, temporary):
        flush(path)
    if folder.exists():  # one that was found damaged; a whole one is never written again
        shutil.rmtree(folder)
    temporary.rename(folder)
    flush(folder.parent)


def load(folder: Path, only: Collection[str] = ()) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The groups (all, or those named) of whole tensors, and the record of a whole checkpoint.

    CheckpointError says what is wrong with any other.
    """
    record = read_record(folder)
    for file in record[_DIGESTS]:
        if not only or group_of(file) in only:
            verify(folder, record, file)
    stored = {name: group for name, group in groups_of(folder, record).items() if not only or name in only}
    groups = {name: {each: group.read(each) for each in group.names} for name, group in stored.items()}
    return groups, {key: value for key, value in record.items() if key != _DIGESTS}


def verify(folder: Path, record: Mapping[str, Any], file: str) -> None:
    """CheckpointError where a file is not what was saved."""
    path = folder / file
    with _reading(path):
        if digest_of_file(path, ALGORITHM) != record[_DIGESTS][file]:
            raise CheckpointError(f"{path}: is not what was saved", why="it was cut short or damaged")


def files_of(record: Mapping[str, Any]) -> list[str]:
    """The names of a checkpoint's files of tensors: those of a group by rank; none of an empty record."""
    return sorted(record.get(_DIGESTS, ()))


def groups_of(folder: Path, record: Mapping[str, Any]) -> dict[str, Group]:
    """What is read of a checkpoint, by name; its files are believed."""
    files: dict[str, list[Path]] = {}
    for file in files_of(record):
        files.setdefault(group_of(file), []).append(folder / file)
    return {name: Group(paths) for name, paths in files.items()}


def rows_of_rank(num_rows: int, rank: int, ranks: int) -> tuple[int, int]:
    """The first of a tensor's rows that a rank holds, and the one after its last; the last ranks have fewer or none."""
    size = -(-num_rows // ranks)
    return min(num_rows, rank * size), min(num_rows, (rank + 1) * size)


class Group:
    """The tensors of some files, of which any rows are read without the rest."""

    def __init__(self, files: Sequence[Path]) -> None:
        """`files` of all ranks in order."""
        self.files = files
        self._opened: dict[Path, Any] = {}
        with _reading(files[0]):
            first = self._open(files[0])
            self.names = frozenset(first.keys())
            """Of all tensors: the first rank has something of each."""
            self.num_rows = self._rows((first.metadata() or {}).get(_ROWS, "{}"))

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a whole tensor, whichever rows each file has."""
        with _reading(self.files[0]):
            shape = tuple(self._open(self.files[0]).get_slice(name).get_shape())
        return (self.num_rows[name], *shape[1:]) if name in self.num_rows else shape

    def read(self, name: str, rows: tuple[int, int] | None = None) -> Tensor:
        """The whole tensor, or its rows from the first, which is there, up to the one before the last."""
        if rows is None and name not in self.num_rows:
            with _reading(self.files[0]):
                whole: Tensor = self._open(self.files[0]).get_tensor(name)
            return whole
        count = self.shape(name)[0]
        first, last = rows or (0, count)
        holders = self.files if name in self.num_rows else self.files[:1]
        pieces = []
        for rank, path in enumerate(holders):
            low, high = rows_of_rank(count, rank, len(holders))
            if max(first, low) < min(last, high):
                with _reading(path):
                    pieces.append(self._open(path).get_slice(name)[max(first, low) - low : min(last, high) - low])
        if not pieces or sum(map(len, pieces)) != last - first:
            raise CheckpointError(f"{self.files[0]}: {name} has fewer rows than its head says")
        return joined(pieces, name, self.files[0])

    def _rows(self, text: str) -> dict[str, int]:
        """What the head of the first file says; CheckpointError where that is not a number for some of its tensors."""
        found: Any = parse_json(text)
        if not isinstance(found, dict) or not found.keys() <= self.names or {type(n) for n in found.values()} - {int}:
            raise CheckpointError(f"{self.files[0]}: its head says {text[:40]!r} of rows")
        return found

    def _open(self, path: Path) -> Any:
        from safetensors import safe_open

        if path not in self._opened:
            self._opened[path] = safe_open(ordinary(path), framework="pt")
        return self._opened[path]


def joined(pieces: Sequence[Tensor], name: str, path: Path) -> Tensor:
    """Rows of one tensor, out of the files of several ranks."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    if any(not each.dim() or (each.shape[1:], each.dtype) != (first.shape[1:], first.dtype) for each in pieces):
        raise CheckpointError(f"{path}: the parts of {name} in the files of several ranks do not fit together")
    found = first.new_empty((sum(map(len, pieces)), *first.shape[1:]))
    for end, each in zip(accumulate(map(len, pieces)), pieces, strict=True):
        found[end - len(each) : end] = each
    return found


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns what goes wrong with a file into a CheckpointError."""
    from safetensors import SafetensorError

    try:
        yield
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing") from None
    except (OSError, ValueError, SafetensorError, IndexError) as error:  # the last: rows of what has none
        raise CheckpointError(f"{path}: cannot be read: {error}") from None


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


def write_file(path: Path, tensors: Mapping[str, Tensor], head: dict[str, str] | None = None) -> None:
    """One safetensors file, readable by whom the umask lets; a power cut may leave a part of it.

    OSError where the disk refuses it: safetensors has an error of its own, which has the number in its text.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with by_umask(path):
        try:
            save_file(dict(_apart(tensors)), path, head)
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
