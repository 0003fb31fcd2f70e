"""The folder that an extraction writes: arrays of slices of a data directory, joined when all of them are there.

It is a data directory of its own, with the speakers and labels of the utterances, and beside its tables:
  embeddings.npy  (N, D) one vector for each utterance, in the order of utt2spk, or
  frames.npy      (M, D) the frames of all utterances, one utterance after another, and
  offsets.npy     (N + 1,) where each begins and the last one ends, and, of a masked pass,
  mask.npy        (M,) which frames were hidden
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from masr.errors import UsageError
from masr.files import parse_json
from masr.io.atomic import atomic_path, atomic_write, reserve
from masr.io.datadir import DataDir, write_datadir
from masr.io.layout import EMBEDDINGS, FRAMES, MASK, OFFSETS, PHONES_CTM, TEXT, UTT2SPK, label_table, layer_folder
from masr.types import FloatArray, slice_of

if TYPE_CHECKING:
    from masr.inference.load import Pooling

_JOBS = "jobs"
_COPY_ROWS = 1 << 16

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """What all jobs of an extraction have in common."""

    layers: tuple[int | None, ...]
    """Numbers of layers; None is what comes out of the encoder."""
    pool: Pooling | None
    """How an utterance's frames become one vector; None keeps the frames."""
    key: str
    """Digest of the model and its settings: jobs that ran under another are not merged."""
    apart: bool = False
    """Whether each layer has a folder of its own."""

    @property
    def array(self) -> str:
        """The file that the vectors or frames go to."""
        return FRAMES if self.pool is None else EMBEDDINGS

    def folder(self, out: Path, layer: int | None) -> Path:
        """Where a layer's arrays and tables go."""
        return out / layer_folder(layer) if self.apart and layer is not None else out


@dataclass(frozen=True)
class Marker:
    """Proof that a job ended, and of what it had read."""

    num_utts: int
    lengths: int
    key: str


@dataclass(frozen=True, eq=False)
class Extracted:
    """What is made of a data directory, slice by slice."""

    data: DataDir
    plan: Plan
    lengths: Int64Array
    """(N,) frames of each utterance."""

    @contextmanager
    def slice(self, out: Path, job: int, num_jobs: int, width: int) -> Iterator[list[FloatArray]]:
        """An array for each layer to be filled with the J-th of N slices, which has ended when the block ends."""
        first, last = slice_of(len(self.data), job, num_jobs)
        folder = out / _JOBS
        (folder / f"{job}.json").unlink(missing_ok=True)
        num_frames = int(self.lengths[first:last].sum())
        shape = (last - first if self.plan.pool else num_frames, width)
        with ExitStack() as stack:
            yield [stack.enter_context(_new_array(folder / _part(job, n), shape)) for n in range(len(self.plan.layers))]
        marker = Marker(last - first, num_frames, self.plan.key)
        atomic_write(folder / f"{job}.json", json.dumps(asdict(marker)) + "\n")

    def merge(self, out: Path, num_jobs: int, mask: npt.NDArray[Any] | None = None) -> None:
        """Writes the arrays and tables out of jobs that have all ended; their own files are removed."""
        folder = out / _JOBS
        for job in range(1, num_jobs + 1):
            self._require(folder, job, num_jobs)
        for n, layer in enumerate(self.plan.layers):
            parts = [np.load(folder / _part(job, n), mmap_mode="r") for job in range(1, num_jobs + 1)]
            self._join(parts, self.plan.folder(out, layer), mask)
        shutil.rmtree(folder)

    def _join(self, parts: list[Any], out: Path, mask: npt.NDArray[Any] | None) -> None:
        """Joins the jobs' arrays into one, and writes the tables beside it."""
        for name in (EMBEDDINGS, FRAMES, OFFSETS, MASK, UTT2SPK):
            (out / name).unlink(missing_ok=True)
        with _new_array(out / self.plan.array, (sum(len(part) for part in parts), parts[0].shape[1])) as array:
            row = 0
            for part in parts:
                for start in range(0, len(part), _COPY_ROWS):
                    piece = part[start : start + _COPY_ROWS]
                    array[row : row + len(piece)] = piece
                    row += len(piece)
        names = [UTT2SPK, *(label_table(kind) for kind in self.data.kinds()), TEXT]
        if self.plan.pool is None:
            _save(out / OFFSETS, np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64))
            if mask is not None:
                _save(out / MASK, mask)
            names.append(PHONES_CTM)  # what a probe of frames asks for
        kept = [name for name in dict.fromkeys(names) if self.data.has(name)]
        write_datadir(out, {name: self.data.table(name) for name in kept})

    def _require(self, folder: Path, job: int, num_jobs: int) -> None:
        first, last = slice_of(len(self.data), job, num_jobs)
        wanted = Marker(last - first, int(self.lengths[first:last].sum()), self.plan.key)
        try:
            found = Marker(**parse_json((folder / f"{job}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            found = None
        if found != wanted:
            reason = "has not ended" if found is None else "ran under other options or on other data"
            raise UsageError(f"job {job} of {num_jobs} {reason}", fix=f"run it again with --job {job}/{num_jobs}")


@contextmanager
def _new_array(path: Path, shape: tuple[int, int]) -> Iterator[FloatArray]:
    """A float32 array on the disk, to be filled; the file gets its name when the block ends."""
    with atomic_path(path) as temporary:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
        reserve(temporary)
        yield array
        array.flush()


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array)


def _part(job: int, layer: int) -> str:
    """File name of a job's array of the n-th layer."""
    return f"{job}.{layer}.npy"
