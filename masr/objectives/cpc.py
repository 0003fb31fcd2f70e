"""CPC (1807.03748): from what was heard so far, tell the frames that come next from frames of elsewhere.

A frame is what the encoder embeds before it looks at context; the guess of the k-th frame ahead is a linear map of the
context, and the score of a frame its product with that guess.

Shapes: B utterances, T encoded frames, D encoder width, K steps ahead, N negatives; M frames of A utterances.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from masr.config import option
from masr.errors import DataError
from masr.losses.future import drawn, future_contrast
from masr.losses.gather import gather, gather_columns
from masr.maths.on_host import from_host, on_host, rows_at, sent
from masr.maths.products import Linear
from masr.types import Batch, Encoder, Losses, Masker

_NEGATIVES = 22


@dataclass(frozen=True)
class Config:
    """The paper's twelve steps; how many negatives it draws is not said."""

    steps: int = option(12, "frames ahead that are told, each by a linear map of its own")
    num_negatives: int = option(100, "frames that an utterance draws; all its frames and steps share them")
    negatives: Literal["utterance", "speaker", "mixed"] = option(
        "utterance",
        "where negatives are from: the same utterance, the batch's utterances of its speaker, all of the batch",
    )
    speakers: str = option("spk", "stream whose labels are the speakers, for negatives: speaker")

    def __post_init__(self) -> None:
        if self.steps < 1 or self.num_negatives < 1:
            raise ValueError("steps and num_negatives must be at least 1")


def build(config: Config, encoder: Encoder, masker: Masker) -> Cpc:  # noqa: ARG001 (nothing is masked here)
    """The objective around an encoder that sees the past alone; nothing is masked."""
    if getattr(getattr(encoder, "config", None), "context", None) != "past":
        raise ValueError(
            "CPC predicts what comes next, so the encoder may not see it: take recurrent, convolutional or transformer "
            "with encoder.context: past"
        )
    return Cpc(config, encoder)


class Cpc(nn.Module):
    """Contrastive prediction of the frames ahead."""

    def __init__(self, config: Config, encoder: Encoder) -> None:
        super().__init__()
        self.config = config
        self.of_a_micro_batch = "" if config.negatives == "utterance" else "negatives"
        self.encoder = encoder
        self.guess = Linear(encoder.dim, config.steps * encoder.dim, bias=False)

    def forward(self, batch: Batch) -> Losses:
        """Input -> loss over all frames that have one ahead of them."""
        embedded, lengths = self.encoder.embed(batch.features, batch.lengths)
        encoded = self.encoder.contextualise(embedded, lengths)
        negatives, apart = self.negatives(embedded, lengths, batch)
        guesses = self.guess(encoded.frames).unflatten(2, (self.config.steps, -1))
        term, figures = future_contrast(guesses, embedded, lengths, negatives, apart, batch.weights)
        return Losses({"contrastive": term}, figures, encoded)

    def negatives(self, embedded: Tensor, lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, T, D), (B,) -> (B, N, D) frames, (B, N) how far each is from the utterance's first frame."""
        sizes = from_host(torch.zeros_like, lengths) if batch.stand_in else lengths
        real = from_host(partial(_real, time=embedded.shape[1]), sizes)
        frames, groups, keys, own = rows_at(embedded, real), self.groups(batch), batch.keys, slice(0, len(lengths))
        if self.config.negatives != "utterance":
            (sizes, groups, keys), own = gather_columns([sizes, groups, keys], batch.rank_sizes)
            ends = [0, *accumulate(batch.rank_sizes)]
            held = on_host(sizes) if batch.rank_sizes else sizes
            frames, _ = gather(frames, [int(held[a:b].sum()) for a, b in pairwise(ends)])
        if self.config.negatives == "speaker":  # who is unknown has no group but its own
            groups = from_host(_apart_where_unknown, groups)
        draw = partial(drawn, own=own, count=self.config.num_negatives, purpose=_NEGATIVES)
        places = from_host(draw, sizes, keys, groups)
        first = (sizes.cumsum(0) - sizes)[own, None]
        if not len(frames):  # not one frame in the whole batch
            return embedded[:, :1].expand(-1, places.shape[1], -1), torch.zeros_like(places)
        return frames[places.clamp(max=len(frames) - 1)], places - first

    def groups(self, batch: Batch) -> Tensor:
        """(B,) group of each utterance: those of one group draw negatives from one another."""
        if self.config.negatives == "mixed":
            return from_host(torch.zeros_like, batch.lengths)
        if self.config.negatives == "utterance":
            return sent(torch.arange(len(batch.lengths)), batch.lengths.device)
        if self.config.speakers not in batch.labels:
            raise DataError(
                f"negatives of the same speaker are asked for, and no stream {self.config.speakers} says who speaks",
                fix="streams: [{name: spk, weight: 0}] and batching: {stream: spk}; or objective.negatives: utterance",
            )
        return batch.labels[self.config.speakers]


def _real(lengths: Tensor, time: int) -> Tensor:
    """(B,) -> (B, T) true inside an utterance."""
    return torch.arange(time, device=lengths.device) < lengths[:, None]


def _apart_where_unknown(groups: Tensor) -> Tensor:
    """(A,) -> (A,) the same, with a number of its own for each that is negative."""
    return torch.where(groups >= 0, groups, -1 - torch.arange(len(groups), device=groups.device))
