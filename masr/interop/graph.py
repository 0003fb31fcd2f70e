"""A trained model as one graph of arithmetic, for batches and lengths of any size: what ONNX and .pt2 hold.

Shapes: B utterances, S samples, N feature frames, F features, T encoded frames, D model width, V units, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from masr.errors import UsageError
from masr.features.cmvn import VARIANCE_FLOOR, normalise
from masr.inference.load import Model
from masr.interop.graph_mel import GraphLogMel
from masr.interop.opened import Opened

Place = Literal["inside", "outside"]
_OUTPUTS = {"encoder": "frames", "ctc": "log_probabilities", "lid": "log_probabilities"}
_SHORTEST_SEC = 0.2
"""Of the longest utterance of a batch: a graph has no case for what is shorter than its convolutions."""
_LONGEST = 1 << 24
_TRIED = ((1, 1), (1, 161), (3, 0), (2, 325))
"""Utterances, and samples or frames above the least, that a graph is tried with before it is written."""


@dataclass(frozen=True)
class Graph:
    """An exported program, and the names of what goes in and comes out."""

    program: Any
    module: nn.Module
    inputs: tuple[str, str]
    outputs: tuple[str, ...]
    shortest: int
    """Samples or frames that a batch must have."""


class GraphModel(nn.Module):
    """(B, S) samples or (B, N, F) frames, (B,) -> frames or log-probabilities, and their lengths."""

    mean: Tensor | None
    scale: Tensor | None

    def __init__(self, opened: Opened, place: Place) -> None:
        super().__init__()
        model = opened.model
        self.kind, self.norm = opened.kind, model.norm
        self.inner = opened.model.encoder if opened.objective is None else opened.objective
        self.takes_frames = not model.takes_samples
        self.features = GraphLogMel(model.features) if self.takes_frames and place == "inside" else None
        mean, scale = _affine(model) if self.takes_frames and model.norm == "global" else (None, None)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """See the class; language identification has (B, C) and the encoded frames that it heard."""
        if self.features is not None:
            inputs, lengths = self.features(inputs, lengths)
        if self.takes_frames:
            inputs = self.normal(inputs, lengths)
        if self.kind == "encoder":
            encoded = self.inner.contextualise(*self.inner.embed(inputs, lengths))
            return encoded.frames, encoded.lengths
        found: tuple[Tensor, Tensor] = self.inner.log_probabilities(inputs, lengths)
        return found

    def normal(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """(B, N, F), (B,) -> the same, normalised as in training; by its own statistics where that was by speakers."""
        if self.norm == "none":
            return frames
        if self.mean is None or self.scale is None:
            return normalise(frames, lengths, norm_vars=True)
        inside = (torch.arange(frames.shape[1]) < lengths[:, None])[:, :, None]
        normal = ((frames.double() - self.mean) * self.scale).to(frames.dtype)
        return normal.masked_fill(~inside, 0.0)


def build_graph(opened: Opened, place: Place) -> Graph:
    """The graph of a run; UsageError where its network has none."""
    module = GraphModel(opened, place).eval().requires_grad_(False)
    model = opened.model
    takes_samples = model.takes_samples or module.features is not None
    rate = model.sample_rate if takes_samples else 100
    shortest = int(_SHORTEST_SEC * rate)
    # twice as long in the example as the shortest: no dimension is then taken for a constant
    size = 4 * shortest + 407
    shape = (2, size) if takes_samples else (2, size, int(model.encoder.num_bins))
    example = 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(0)), torch.tensor([size, size - 5])
    batch, time = torch.export.Dim.DYNAMIC(min=1), torch.export.Dim.DYNAMIC(min=shortest, max=_most(model))
    try:
        program = torch.export.export(module, example, dynamic_shapes=({0: batch, 1: time}, {0: batch}), strict=False)
        for count, extra in _TRIED:
            given = example[0][:1, : shortest + extra].expand(count, *(-1,) * (len(shape) - 1))
            program.module()(given, torch.full((count,), given.shape[1]))
    except Exception as error:  # torch.export has an error of its own for each thing that it cannot trace
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(
            f"{opened.folder}: its encoder {opened.config.encoder.name} is no graph for every batch: {reason[:200]}",
            why="what it computes with depends on how many frames there are, in a way that torch.export cannot trace",
            fix="export it with --to hf, which holds its code",
        ) from error
    first = "samples" if takes_samples else "features"
    return Graph(program, module, (first, "lengths"), (_OUTPUTS[opened.kind], "frame_lengths"), shortest)


def _most(model: Model) -> int:
    """The longest input: learned positions end somewhere."""
    config = getattr(model.encoder, "config", None)
    if getattr(config, "positions", "") != "learned":
        return _LONGEST
    samples = 1 if model.features is None else int(model.sample_rate * 0.01)
    return int(config.max_frames) * int(model.encoder.subsampling) * samples  # type: ignore[union-attr]


def _affine(model: Model) -> tuple[Tensor, Tensor]:
    """(F,) what is taken off each feature, and (F,) what it is then multiplied by, in float64."""
    assert model.stats is not None
    stats = model.stats.double()
    mean = stats[0, :-1] / stats[0, -1]
    variance = stats[1, :-1] / stats[0, -1] - mean.square()
    return mean, variance.clamp(min=VARIANCE_FLOOR).rsqrt()
