"""HuBERT (2106.07447): predict, where speech is masked, the cluster that k-means gave each frame beforehand.

Shapes: B utterances, T encoded frames, N masked frames, D encoder width, V clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.config import option
from masr.errors import DataError
from masr.losses.masked_frames import frame_factors, mask_of, masked_rows, masking_figures
from masr.losses.masked_prediction import code_counts, masked_prediction, right
from masr.maths.on_host import from_host, longest, on_host, places, rows_at
from masr.types import Batch, Encoder, Losses, Masker, Term


@dataclass(frozen=True)
class Config:
    """The paper's base model; masking is its own by `masking: {share: 0.57, span: 10}`."""

    num_clusters: int = option(100, "clusters of the targets: 100 on MFCC, 500 on a layer of an earlier model")
    width: int = option(256, "width in which predictions meet the clusters' vectors")
    temperature: float = option(0.1, "cosines are divided by this")
    unmasked_weight: float = option(0.0, "factor on the loss of unmasked frames")


def build(config: Config, encoder: Encoder, masker: Masker) -> Hubert:
    """The objective around an encoder."""
    return Hubert(config, encoder, masker)


class Hubert(nn.Module):
    """Masked prediction of given labels."""

    def __init__(self, config: Config, encoder: Encoder, masker: Masker) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.masker = masker
        self.mask_embedding = nn.Parameter(torch.empty(encoder.dim).uniform_())
        self.guess = nn.Linear(encoder.dim, config.width)
        self.clusters = nn.Parameter(torch.empty(config.num_clusters, config.width).uniform_())

    def forward(self, batch: Batch) -> Losses:
        """Input and labels -> loss on masked frames, and on the others where that is asked for."""
        embedded, lengths = self.encoder.embed(batch.features, batch.lengths)
        labels = self.labels(batch, lengths)
        mask = mask_of(self.masker, batch, lengths)
        hidden = torch.where(mask[:, :, None], self.mask_embedding.to(embedded.dtype), embedded)
        encoded = self.encoder.contextualise(hidden, lengths)
        factors = frame_factors(self.masker, batch, lengths, mask)
        term, targets, predicted = self.predict(encoded.frames, labels, from_host(_known_of, mask, labels), factors)
        terms = {"masked_prediction": term}
        figures = {"masked_accuracy": right(predicted, targets), **masking_figures(batch, lengths, mask)}
        counts = code_counts(targets, predicted, self.config.num_clusters)
        if self.config.unmasked_weight:
            unmasked = from_host(torch.logical_not, mask)
            rest, _, _ = self.predict(encoded.frames, labels, from_host(_known_of, unmasked, labels), factors)
            terms["unmasked_prediction"] = Term(rest.sum, rest.count, self.config.unmasked_weight)
        return Losses(terms, figures, encoded, counts)

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term -> its count, before anything is computed."""
        lengths = from_host(self.encoder.num_encoded, batch.lengths)
        mask, labels = mask_of(self.masker, batch, lengths), self.labels(batch, lengths)
        found = {"masked_prediction": float(len(places(from_host(_known_of, mask, labels))))}
        if self.config.unmasked_weight:
            unmasked = from_host(torch.logical_not, mask)
            found["unmasked_prediction"] = float(len(places(from_host(_known_of, unmasked, labels))))
        return found

    def code_log_probabilities(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised input, nothing hidden -> (B, T, 1, V) of the clusters, (B,) lengths."""
        encoded = self.encoder.contextualise(*self.encoder.embed(features, lengths))
        return self.compare(encoded.frames).log_softmax(dim=2)[:, :, None], encoded.lengths

    def compare(self, frames: Tensor) -> Tensor:
        """(..., D) -> (..., V) cosines with the clusters' vectors, divided by the temperature."""
        guess = functional.normalize(self.guess(frames).float(), dim=-1)
        return guess @ functional.normalize(self.clusters.float(), dim=1).t() / self.config.temperature

    def predict(
        self, frames: Tensor, labels: Tensor, chosen: Tensor, factors: Tensor | None
    ) -> tuple[Term, Tensor, Tensor]:
        """(B, T, D), (B, T), (B, T) which frames, (B, T) -> cross-entropy of cosines, (N, 1) clusters and guesses."""
        logits = self.compare(rows_at(frames, chosen))
        targets = rows_at(labels, chosen)[:, None]
        term = masked_prediction(logits[:, None], targets, masked_rows(factors, chosen))
        return term, targets, logits.detach().argmax(dim=1, keepdim=True)

    def labels(self, batch: Batch, lengths: Tensor) -> Tensor:
        """(B, T) clusters of the encoded frames, -1 past the end; refuses labels of another model's rate or size."""
        time = longest(lengths)
        if batch.targets is None:
            raise DataError(
                "HuBERT needs a cluster for every frame and the data directory has none",
                fix="make them: masr cluster DATA OUT",
            )
        labels = from_host(lambda targets: targets[:, :time], batch.targets)
        known = on_host(labels)
        if labels.shape[1] < time or not torch.equal((known >= 0).sum(dim=1), on_host(lengths)):
            raise DataError(
                f"{batch.utts[0]} and others: the clusters are not one to each encoded frame",
                why="they were made for another frame rate or other features",
                fix="make them again with the configuration of this run: masr cluster DATA OUT",
            )
        if int(known.max()) >= self.config.num_clusters:
            raise DataError(
                f"cluster {int(known.max())} is beyond num_clusters ({self.config.num_clusters})",
                fix="set objective.num_clusters to the number that masr cluster used",
            )
        return labels


def _known_of(chosen: Tensor, labels: Tensor) -> Tensor:
    """(B, T), (B, T) -> (B, T) those of the chosen that have a label."""
    return chosen & (labels >= 0)
