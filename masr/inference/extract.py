"""A data directory through a trained encoder, into arrays that other programs map into memory.

Several layers of one pass become folders OUT/layer0, OUT/layer1, ...; masr/inference/extracted.py says what is in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from masr.data.dataset import SampleSource
from masr.errors import DataError
from masr.inference.batches import check_make, of_like_length, open_speech, pools, read_whole
from masr.inference.extracted import Extracted, Int64Array, Plan
from masr.inference.frame_sources import seconds_of
from masr.inference.load import Model, pool_of, require_numbers
from masr.inference.masked import MaskedPass
from masr.io.datadir import DataDir
from masr.io.layout import UTT2DUR, UTT2NUM_FRAMES
from masr.io.progress import track
from masr.io.provenance import write_provenance
from masr.types import Encoded, FloatArray, slice_of

_POOL = 1024
"""Utterances that are sorted by length together."""


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
        self.extracted = Extracted(data, plan, self.lengths)

    def run_job(self, out: Path, job: int, num_jobs: int) -> None:
        """Extracts the J-th of N slices into OUT/jobs."""
        first, last = slice_of(len(self.data), job, num_jobs)
        width = pool_of(self.plan.pool, self.model.dim).out_dim if self.plan.pool else self.model.dim
        starts = np.concatenate([[0], np.cumsum(self.lengths[first:last])])
        with self.extracted.slice(out, job, num_jobs, width) as arrays:
            for places, encoded in self._batches(first, last):
                for array, layer in zip(arrays, encoded, strict=True):
                    self._write(array, places, layer, first, starts)

    def _write(self, array: FloatArray, places: Int64Array, encoded: Encoded, first: int, starts: Int64Array) -> None:
        if not np.array_equal(encoded.lengths.cpu().numpy(), self.lengths[places]):
            raise DataError(
                f"{self.data.folder}: {self.data.utts[int(places[0])]} or its neighbours have other lengths "
                f"than {UTT2DUR if self.model.takes_samples else UTT2NUM_FRAMES} says",
                why="the audio or the features changed since that was written",
                fix=f"make it again: masr {'prepare' if self.model.takes_samples else 'features'}",
            )
        require_numbers(encoded.frames, [self.data.utts[int(place)] for place in places])
        if self.plan.pool:
            pooled = pool_of(self.plan.pool, self.model.dim)(encoded.frames, encoded.lengths)
            array[places - first] = pooled.float().cpu().numpy()
            return
        frames = encoded.frames.float().cpu().numpy()
        for row, place in enumerate(places - first):
            array[starts[place] : starts[place + 1]] = frames[row, : starts[place + 1] - starts[place]]

    def _batches(self, first: int, last: int) -> Iterator[tuple[Int64Array, list[Encoded]]]:
        """The places of each batch, of like length, and its layers as asked for; no more than a batch is held."""
        lengths = self.source.num_frames
        cut = [batch for pool in pools(first, last, _POOL) for batch in of_like_length(pool, lengths)]
        for places in track(cut, self.data.folder.name, unit="batch"):
            yield places, self._encode(places)

    def _encode(self, places: Int64Array) -> list[Encoded]:
        batch = read_whole(self.data, self.source, places, self.model.norm == "speaker")
        inputs, lengths = batch.features, batch.lengths
        if not self.from_archives:
            inputs, lengths = self.model.featurise(inputs, lengths)
        embed = None
        if self.masked is not None:
            embed = partial(self.masked.embed, self.model.encoder, utts=batch.utts)
        return self.model.run_layers(inputs, lengths, self.plan.layers, batch.stats, embed)

    def merge(self, out: Path, num_jobs: int) -> None:
        """Writes the arrays and tables out of jobs that have all ended; their own files are removed."""
        mask = None if self.masked is None else self.masked.masks(self.data.utts, self.lengths)
        self.extracted.merge(out, num_jobs, mask)

    def write(self, out: Path, num_jobs: int, **facts: str) -> list[Path]:
        """The folder of each layer, when all jobs have ended, with what is to be known of its frames."""
        self.merge(out, num_jobs)
        grid, masked = seconds_of(self.model.encoder), self.masked
        known: dict[str, object] = {
            **facts,
            "frame_shift_sec": round(grid.shift_sec, 9),
            "first_frame_sec": round(grid.start_sec, 9),
        }
        if masked is not None:
            spans = masked.masker.config
            known |= {"mask_share": spans.share, "mask_span": spans.span, "mask_seed": masked.seed}
            known["hidden_by"] = masked.hidden_by
        folders = {layer: self.plan.folder(out, layer) for layer in self.plan.layers}
        for layer, folder in folders.items():
            write_provenance(folder, layer=layer, **known)
        return list(folders.values())
