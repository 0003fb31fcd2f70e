"""A data directory through a trained encoder, into arrays that other programs map into memory.

OUT is a data directory of its own, with the speakers and labels of the utterances, and beside its tables:
  embeddings.npy  (N, D) one vector for each utterance, in the order of utt2spk, or
  frames.npy      (M, D) the frames of all utterances, one utterance after another, and
  offsets.npy     (N + 1,) where each begins and the last one ends, and, of a masked pass,
  mask.npy        (M,) which frames were hidden
Several layers of one pass become such directories OUT/layer0, OUT/layer1, ...
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from masr.data.dataset import SampleSource
from masr.errors import DataError, UsageError
from masr.inference.batches import check_make, of_like_length, open_speech, pools, read_whole
from masr.inference.load import Model, Pooling, pool_of
from masr.inference.masked import MaskedPass
from masr.io.atomic import atomic_path, atomic_write
from masr.io.datadir import DataDir, write_datadir
from masr.io.layout import (
    EMBEDDINGS,
    FRAMES,
    MASK,
    OFFSETS,
    PHONES_CTM,
    TEXT,
    UTT2DUR,
    UTT2NUM_FRAMES,
    UTT2SPK,
    label_table,
    layer_folder,
)
from masr.io.progress import track
from masr.types import Encoded

_JOBS = "jobs"
_POOL = 1024
"""Utterances that are sorted by length together."""
_COPY_ROWS = 1 << 16

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """What all jobs of an extraction have in common."""

    layers: tuple[int | None, ...]
    """None is the encoder's last word."""
    pool: Pooling | None
    """None keeps the frames."""
    key: str
    """Of the model and its settings: jobs that ran under another are not merged."""
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


class Extraction:
    """A model over a data directory."""

    def __init__(
        self, model: Model, data: DataDir, plan: Plan, from_archives: bool, masked: MaskedPass | None = None
    ) -> None:
        self.model, self.data, self.plan, self.masked = model, data, plan, masked
        check_make(data, model, from_archives)
        self.source, self.from_archives = open_speech(data, model, from_archives), from_archives
        counts = self.source.num_samples if isinstance(self.source, SampleSource) else self.source.num_frames
        self.lengths: Int64Array = model.encoder.num_encoded(torch.from_numpy(counts)).numpy()
        if (self.lengths < 1).any():
            short = data.utts[int(self.lengths.argmin())]
            raise DataError(
                f"{data.folder}: {short} is too short for an encoded frame",
                fix=f"leave it out: masr data subset {data.folder} OUT",
            )

    def run_job(self, out: Path, job: int, num_jobs: int) -> None:
        """The J-th of N slices, into OUT/jobs."""
        first, last = slice_of(len(self.data), job, num_jobs)
        folder = out / _JOBS
        (folder / f"{job}.json").unlink(missing_ok=True)
        width = pool_of(self.plan.pool, self.model.dim).out_dim if self.plan.pool else self.model.dim
        starts = np.concatenate([[0], np.cumsum(self.lengths[first:last])])
        rows = last - first if self.plan.pool else int(starts[-1])
        with ExitStack() as stack:
            arrays = []
            for n in range(len(self.plan.layers)):
                temporary = stack.enter_context(atomic_path(folder / _part(job, n)))
                arrays.append(np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=(rows, width)))
            for places, encoded in self._batches(first, last):
                for array, layer in zip(arrays, encoded, strict=True):
                    self._write(array, places, layer, first, starts)
            for array in arrays:
                array.flush()
            arrays.clear()
        marker = Marker(last - first, int(starts[-1]), self.plan.key)
        atomic_write(folder / f"{job}.json", json.dumps(asdict(marker)) + "\n")

    def _write(self, array: Any, places: Int64Array, encoded: Encoded, first: int, starts: Int64Array) -> None:
        if not np.array_equal(encoded.lengths.cpu().numpy(), self.lengths[places]):
            raise DataError(
                f"{self.data.folder}: {self.data.utts[int(places[0])]} or its neighbours have other lengths "
                f"than {UTT2DUR if self.model.takes_samples else UTT2NUM_FRAMES} says",
                why="the audio or the features changed since that was written",
                fix=f"make it again: masr {'prepare' if self.model.takes_samples else 'features'}",
            )
        if self.plan.pool:
            pooled = pool_of(self.plan.pool, self.model.dim)(encoded.frames, encoded.lengths)
            array[places - first] = pooled.float().cpu().numpy()
            return
        frames = encoded.frames.float().cpu().numpy()
        for row, place in enumerate(places - first):
            array[starts[place] : starts[place + 1]] = frames[row, : starts[place + 1] - starts[place]]

    def _batches(self, first: int, last: int) -> Iterator[tuple[Int64Array, list[Encoded]]]:
        """Utterances of like length together; no more than a batch is held."""
        lengths = self.source.num_frames
        cut = [batch for pool in pools(first, last, _POOL) for batch in of_like_length(pool, lengths)]
        for places in track(cut, self.data.folder.name, unit="batch"):
            yield places, self._encode(places)

    def _encode(self, places: Int64Array) -> list[Encoded]:
        batch = read_whole(self.data, self.source, places, self.model.norm == "speaker")
        inputs, lengths = batch.features, batch.lengths
        if not self.from_archives and self.model.features is not None:
            device = self.model.device
            inputs, lengths = self.model.features(inputs.to(device), lengths.to(device))
        embed = None
        if self.masked is not None:
            embed = partial(self.masked.embed, self.model.encoder, utts=batch.utts)
        return self.model.run_layers(inputs, lengths, self.plan.layers, batch.stats, embed)

    def merge(self, out: Path, num_jobs: int) -> None:
        """The arrays and tables, out of jobs that have all ended; their own files are removed."""
        folder = out / _JOBS
        for job in range(1, num_jobs + 1):
            self._require(folder, job, num_jobs)
        for n, layer in enumerate(self.plan.layers):
            parts = [np.load(folder / _part(job, n), mmap_mode="r") for job in range(1, num_jobs + 1)]
            self._join(parts, self.plan.folder(out, layer))
        shutil.rmtree(folder)

    def _join(self, parts: list[Any], out: Path) -> None:
        """One array out of the jobs', and the tables beside it."""
        for name in (EMBEDDINGS, FRAMES, OFFSETS, MASK, UTT2SPK):
            (out / name).unlink(missing_ok=True)
        with atomic_path(out / self.plan.array) as temporary:
            shape = (sum(len(part) for part in parts), parts[0].shape[1])
            array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
            row = 0
            for part in parts:
                for start in range(0, len(part), _COPY_ROWS):
                    piece = part[start : start + _COPY_ROWS]
                    array[row : row + len(piece)] = piece
                    row += len(piece)
            array.flush()
            del array
        names = [UTT2SPK, *(label_table(kind) for kind in self.data.kinds()), TEXT]
        if self.plan.pool is None:
            with atomic_path(out / OFFSETS) as temporary, temporary.open("wb") as stream:
                np.save(stream, np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64))
            if self.masked is not None:
                with atomic_path(out / MASK) as temporary, temporary.open("wb") as stream:
                    np.save(stream, self.masked.masks(self.data.utts, self.lengths))
            names.append(PHONES_CTM)  # what a probe of frames asks for
        kept = [name for name in dict.fromkeys(names) if self.data.has(name)]
        write_datadir(out, {name: self.data.table(name) for name in kept})

    def _require(self, folder: Path, job: int, num_jobs: int) -> None:
        first, last = slice_of(len(self.data), job, num_jobs)
        wanted = Marker(last - first, int(self.lengths[first:last].sum()), self.plan.key)
        try:
            found = Marker(**json.loads((folder / f"{job}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            found = None
        if found != wanted:
            reason = "has not ended" if found is None else "ran under other options or on other data"
            raise UsageError(f"job {job} of {num_jobs} {reason}", fix=f"run it again with --job {job}/{num_jobs}")


def _part(job: int, layer: int) -> str:
    """A job's array of the n-th of the layers."""
    return f"{job}.{layer}.npy"


def slice_of(count: int, job: int, num_jobs: int) -> tuple[int, int]:
    """First and last place of the J-th of N even slices."""
    return count * (job - 1) // num_jobs, count * job // num_jobs
