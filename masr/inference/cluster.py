"""Targets for HuBERT: the k-means cluster of every encoded frame, from features of the audio or a model's layer.

OUT gets clusters.safetensors, and for all utterances targets.scp over archives of one number a frame, in the rate and
at the places of the encoder that is to be trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masr.data.dataset import SampleSource, frames_of
from masr.data.frame_times import fewest_inputs
from masr.data.samples import Samples, sample_rate_of
from masr.errors import DataError
from masr.inference.load import Model
from masr.io.ark import ArchiveWriter
from masr.io.audio import SAMPLE_RATE
from masr.io.datadir import DataDir, write_table
from masr.io.layout import TARGETS_SCP
from masr.io.progress import track
from masr.maths.kmeans import Config, KMeans, fit
from masr.types import Features

Int64Array = npt.NDArray[np.int64]
Embed = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
_PIECE_FRAMES = 16_384
_HALF_WINDOW, _SHIFT = 200, 160
"""Samples at 16 kHz of a feature frame: encoded frames of a waveform are told their place among feature frames."""


@dataclass(frozen=True)
class Grid:
    """Which feature frames the encoded frames of an encoder look at: frame n is around factor * n + offset."""

    factor: float
    offset: float
    encoder: Any

    def num_encoded(self, data: DataDir) -> Int64Array:
        """(N,) encoded frames of every utterance."""
        if self.encoder.num_bins == 1:
            counts = SampleSource(data, sample_rate_of(self.encoder)).num_samples
        else:
            counts = frames_of(data)
        found: Int64Array = self.encoder.num_encoded(torch.from_numpy(counts)).numpy()
        return found


def grid_of(encoder: Any) -> Grid:
    """The grid of an encoder, from the fewest frames that give one encoded frame."""
    fewest = fewest_inputs(encoder)
    if encoder.num_bins == 1:
        scale = SAMPLE_RATE / sample_rate_of(encoder)
        return Grid(encoder.subsampling * scale / _SHIFT, ((fewest - 1) / 2 * scale - _HALF_WINDOW) / _SHIFT, encoder)
    return Grid(int(encoder.subsampling), (fewest - 1) // 2, encoder)


class Audio:
    """Whole utterances of a data directory, which is opened once."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.opened: Samples | None = None

    def read(self, data: DataDir, place: int) -> tuple[Tensor, Tensor]:
        """(1, S) the samples of one utterance, and (1,) how many they are."""
        if self.opened is None or self.opened.data is not data:
            self.opened = Samples(data, self.sample_rate)
        samples = self.opened.read(place, 0, int(self.opened.num_samples[place]))
        return torch.from_numpy(np.array(samples))[None], torch.tensor([len(samples)])


class FeatureFrames:
    """Frames of features that are computed from the audio."""

    def __init__(self, features: Features) -> None:
        self.features = features
        self.audio = Audio(features.sample_rate)
        self.factor, self.offset = 1.0, 0.0
        self.device = torch.device("cpu")

    @torch.inference_mode()
    def read(self, data: DataDir, place: int) -> Tensor:
        """(T, D) features of one utterance."""
        frames, _ = self.features(*self.audio.read(data, place))
        return frames[0]


class LayerFrames:
    """One layer of a trained model."""

    def __init__(self, model: Model, layer: int | None) -> None:
        if model.features is None and not model.takes_samples:
            raise DataError("this model takes no waveforms, so there is nothing to cluster", fix="name another model")
        self.model, self.layer = model, layer
        self.audio = Audio(model.sample_rate)
        grid = grid_of(model.encoder)
        self.factor, self.offset = grid.factor, grid.offset
        self.device = model.device

    def read(self, data: DataDir, place: int, embed: Embed | None = None) -> Tensor:
        """(T, D) the layer of one utterance; `embed` takes the place of the encoder's own, as a masked pass does."""
        samples, lengths = (one.to(self.model.device) for one in self.audio.read(data, place))
        given = (samples, lengths) if self.model.features is None else self.model.features(samples, lengths)
        (encoded,) = self.model.run_layers(*given, [self.layer], embed=embed)
        return encoded.frames[0, : int(encoded.lengths[0])]


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


@dataclass(frozen=True, eq=False)
class Clustered:
    """Targets that lie in a folder."""

    folder: Path
    counts: Int64Array
    """(V,) how often each cluster came out."""

    @property
    def perplexity(self) -> float:
        """V where all clusters are as frequent, 1 where there is only one."""
        shares = self.counts[self.counts > 0] / self.counts.sum()
        return float(np.exp(-(shares * np.log(shares)).sum()))


def render(found: Clustered) -> str:
    """How many frames, and how even the clusters are."""
    used = int((found.counts > 0).sum())
    said = f"{found.counts.sum()} frames, {used} of {len(found.counts)} clusters, perplexity {found.perplexity:.1f}"
    return f"{found.folder}: {said}"


def cluster(
    data: DataDir, others: Sequence[DataDir], out: Path, frames: FeatureFrames | LayerFrames, grid: Grid, config: Config
) -> Int64Array:
    """Fits clusters on `data`, labels it and the `others`; returns (V,) how often each cluster came out."""
    from masr.io.atomic import atomic_path
    from masr.io.checkpoint import write_file

    (out / TARGETS_SCP).unlink(missing_ok=True)
    found = fit(Pieces(frames, data, "k-means"), config, frames.device)
    with atomic_path(out / "clusters.safetensors") as temporary:
        write_file(temporary, {"centres": found.centres.cpu()})
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
    lengths = grid.num_encoded(data)
    for place in track(range(len(data)), f"labels {data.folder.name}", unit="utt"):
        if lengths[place] < 1:
            continue
        labels = found.labels(frames.read(data, place)).cpu().numpy()
        times = np.arange(lengths[place]) * grid.factor + grid.offset
        nearest = np.rint((times - frames.offset) / frames.factor).astype(np.int64)
        yield data.utts[place], labels[np.clip(nearest, 0, len(labels) - 1)]
