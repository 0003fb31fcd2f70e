"""The masked pass of a trained encoder: what it makes of speech of which a part is hidden, as in its training.

Which frames are hidden is a function of the seed and the utterance's id: the same in every extraction, whatever the
batch, the job, the layer or the model, so that two models of one frame rate are asked about the same places.

Shapes: B utterances, S feature frames or samples, T encoded frames, D width.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masr.errors import CheckpointError
from masr.io.trained import open_trained
from masr.io.weights import read_weights, require_finite
from masr.masking.spans import Spans
from masr.maths.keyed_random import combine, places_of
from masr.types import Batch

_PIECE = 1024
"""Utterances whose masks are made together."""
_EMBEDDING = re.compile(r"(objective\.){0,2}mask_embedding|([a-z0-9_]+\.)?masked_spec_embed")
"""What a run calls it, and what transformers does, of a model alone or below its head."""

Hide = Callable[[Batch, Tensor], Tensor]
"""A batch and (B, T) mask -> (B, S, F) features with what lies under the mask hidden."""


class MaskedPass:
    """Where speech is hidden, and what stands there."""

    def __init__(self, masker: Spans, seed: int, vector: Tensor | None = None, hide: Hide | None = None) -> None:
        """`hide` acts on features; without it, `vector` (D,) or zeros stand in the place of embedded frames."""
        self.masker, self.seed, self.vector, self.hide = masker, seed, vector, hide

    @property
    def hidden_by(self) -> str:
        """How speech is hidden, in a few words for the record of an extraction."""
        if self.hide is not None:
            return "features, as its objective hides them"
        return "zeros" if self.vector is None else "the mask embedding of its objective"

    def keys(self, utts: Sequence[str]) -> Tensor:
        """(B,) int64 keys, which everything random about these utterances is a function of."""
        return combine(self.seed, 0, places_of(utts))

    def mask(self, utts: Sequence[str], lengths: Tensor) -> Tensor:
        """(B,) encoded lengths -> (B, T) true where hidden."""
        return self.masker.mask(lengths.cpu(), self.keys(utts))

    def embed(self, encoder: Any, inputs: Tensor, lengths: Tensor, utts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """What encoder.embed gives, with the masked frames hidden."""
        mask = self.mask(utts, encoder.num_encoded(lengths)).to(inputs.device)
        if self.hide is not None:
            batch = Batch(tuple(utts), inputs, lengths, self.keys(utts).to(inputs.device))
            hidden: tuple[Tensor, Tensor] = encoder.embed(self.hide(batch, mask), lengths)
            return hidden
        embedded, counts = encoder.embed(inputs, lengths)
        vector = embedded.new_zeros(()) if self.vector is None else self.vector.to(embedded)
        return torch.where(mask[:, :, None], vector, embedded), counts

    def masks(self, utts: Sequence[str], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """(M,) true where a frame is hidden, of all utterances one after another."""
        found = [np.empty(0, dtype=np.bool_)]
        for start in range(0, len(utts), _PIECE):
            counts = torch.from_numpy(lengths[start : start + _PIECE])
            mask = self.mask(utts[start : start + _PIECE], counts)
            found.append(mask[torch.arange(mask.shape[1]) < counts[:, None]].numpy())
        return np.concatenate(found)


def mask_embedding(folder: Path) -> Tensor | None:
    """(D,) the vector that a model's objective learnt to put in masked places; None where it has none."""
    files = open_trained(folder).weights
    found = read_weights(files, lambda name: bool(_EMBEDDING.fullmatch(name)))
    for name, vector in found.items():
        if not vector.is_floating_point():
            raise CheckpointError(f"{files[0]}: {name} is {vector.dtype}, which is no vector that was trained")
    require_finite(files[0], found)
    return next(iter(found.values()), None)
