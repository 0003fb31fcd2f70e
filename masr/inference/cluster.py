"""Targets for HuBERT: the k-means cluster of every encoded frame, from features of the audio or a model's layer.

OUT gets clusters.safetensors, and for all utterances targets.scp over archives of one number a frame, in the rate and
at the places of the encoder that is to be trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masr.data.dataset import WaveformSource, frames_of
from masr.errors import DataError
from masr.inference.load import Model
from masr.io.ark import ArchiveWriter
from masr.io.datadir import DataDir, write_table
from masr.io.layout import TARGETS_SCP
from masr.io.progress import track
from masr.models.kmeans import Config, KMeans, fit
from masr.types import Features

Int64Array = npt.NDArray[np.int64]
_PIECE_FRAMES = 16_384


@dataclass(frozen=True)
class Grid:
    """Which input frames the encoded frames of an encoder look at: frame n is around factor * n + offset."""

    factor: int
    offset: int
    encoder: Any

    def num_encoded(self, num_frames: Int64Array) -> Int64Array:
        """Encoded frames of so many feature frames."""
        found: Int64Array = self.encoder.num_encoded(torch.from_numpy(num_frames)).numpy()
        return found


def grid_of(encoder: Any) -> Grid:
    """The grid of an encoder, from the fewest frames that give one encoded frame."""
    counts = encoder.num_encoded(torch.arange(1, 10_000))
    fewest = int((counts >= 1).nonzero()[0, 0]) + 1
    return Grid(int(encoder.subsampling), (fewest - 1) // 2, encoder)


class FeatureFrames:
    """Frames of features that are computed from the audio."""

    def __init__(self, features: Features) -> None:
        self.features = features
        self.factor, self.offset = 1, 0

    @torch.inference_mode()
    def read(self, data: DataDir, place: int) -> Tensor:
        """(T, D)."""
        source = WaveformSource(data, self.features)
        samples = torch.from_numpy(np.array(source.read(place, 0, int(source.num_frames[place]))))
        frames, _ = self.features(samples[None], torch.tensor([len(samples)]))
        return frames[0]


class LayerFrames:
    """One layer of a trained model."""

    def __init__(self, model: Model, layer: int | None) -> None:
        if model.features is None:
            raise DataError("this model takes no waveforms, so there is nothing to cluster", fix="name another model")
        self.model, self.layer = model, layer
        self.audio = FeatureFrames(model.features)
        grid = grid_of(model.encoder)
        self.factor, self.offset = grid.factor, grid.offset

    def read(self, data: DataDir, place: int) -> Tensor:
        """(T, D)."""
        frames = self.audio.read(data, place)
        encoded = self.model.run(frames[None], torch.tensor([len(frames)]), self.layer)
        return encoded.frames[0, : int(encoded.lengths[0])].cpu()


class Pieces:
    """All frames of a data directory in pieces; they can be gone through again."""

    def __init__(self, frames: FeatureFrames | LayerFrames, data: DataDir, title: str) -> None:
        self.frames, self.data, self.title = frames, data, title

    def __iter__(self) -> Iterator[Tensor]:
        held: list[Tensor] = []
        count = 0
        for place in track(range(len(self.data)), f"{self.title} {self.data.folder.name}", unit="utt"):
            held.append(self.frames.read(self.data, place))
            count += len(held[-1])
            if count >= _PIECE_FRAMES:
                yield torch.cat(held)
                held, count = [], 0
        if held:
            yield torch.cat(held)


def cluster(
    data: DataDir, others: Sequence[DataDir], out: Path, frames: FeatureFrames | LayerFrames, grid: Grid, config: Config
) -> Int64Array:
    """Fits on `data`, labels it and the `others`; (V,) how often each cluster came out."""
    from safetensors.torch import save_file

    from masr.io.atomic import atomic_path

    (out / TARGETS_SCP).unlink(missing_ok=True)
    found = fit(Pieces(frames, data, "k-means"), config)
    with atomic_path(out / "clusters.safetensors") as temporary:
        save_file({"centres": found.centres.contiguous()}, temporary)
    counts = np.zeros(config.num_clusters, dtype=np.int64)
    rows: dict[str, str] = {}
    for number, folder in enumerate([data, *others]):
        with ArchiveWriter(out / f"targets.{number}.ark") as archive:
            for utt, labels in labelled(folder, frames, grid, found):
                if utt in rows:
                    raise DataError(f"{utt} is in two of the data directories", fix="give each of them once")
                archive.append(utt, labels.astype(np.float32))
                counts += np.bincount(labels, minlength=len(counts))
        rows.update(archive.rows)
    write_table(out / TARGETS_SCP, rows)
    return counts


def labelled(
    data: DataDir, frames: FeatureFrames | LayerFrames, grid: Grid, found: KMeans
) -> Iterator[tuple[str, Int64Array]]:
    """The cluster of the frame that is nearest in time to each encoded frame; utterances without any are left out."""
    lengths = grid.num_encoded(frames_of(data))
    for place in track(range(len(data)), f"labels {data.folder.name}", unit="utt"):
        if lengths[place] < 1:
            continue
        labels = found.assign(frames.read(data, place))[0].numpy()
        times = np.arange(lengths[place]) * grid.factor + grid.offset
        nearest = np.rint((times - frames.offset) / frames.factor).astype(np.int64)
        yield data.utts[place], labels[np.clip(nearest, 0, len(labels) - 1)]
