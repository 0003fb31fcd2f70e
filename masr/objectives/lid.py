"""Language identification, or any other label of an utterance: an encoder, pooling, and a score for each class.

Shapes: B utterances, T encoded frames, D encoder width, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from masr.config import option
from masr.errors import DataError
from masr.io.layout import label_table
from masr.losses.classification import cosines, cross_entropy, fit_temperature, with_margin
from masr.maths.on_host import from_host, number, places, rows_at
from masr.models.heads import Head, HeadKind, LayerMean
from masr.models.pooling import Kind
from masr.types import Batch, Encoded, Encoder, Losses, Masker, Term

OTHER = "other"
"""The class of an open set that stands for every language not in the list."""


@dataclass(frozen=True)
class Config:
    """Which labels are learnt, and by what."""

    kind: str = option("lang", "the labels are in utt2<kind>")
    languages: tuple[str, ...] = option((), "the classes, in order; left out, they are the labels of the training data")
    open_set: bool = option(False, "add a class `other` for labels that are none of the languages")
    others: tuple[str, ...] = option((), "open_set: labels of the training data that are learnt as `other`")
    layers: Literal["last", "mean"] = option("last", "the encoder's last word, or a learnt weighted mean of its layers")
    head: HeadKind = option(
        "linear", "linear: pooled frames and one layer; ecapa: channel attention pooling and an embedding before it"
    )
    pooling: Kind = option("mean", "of the linear head: mean, attention or statistics")
    embedding_dim: int = option(192, "of the ecapa head: width of its embedding")
    dropout: float = option(0.0, "on the pooled vector")
    loss: Literal["softmax", "aam"] = option(
        "softmax", "cross-entropy; or of cosines, with an additive angular margin (AAM-softmax)"
    )
    margin: float = option(0.2, "aam: radians that the angle to the own class is widened by in training")
    scale: float = option(30.0, "aam: factor on cosines")
    label_smoothing: float = option(0.0, "share of each label that is spread over all classes")

    def __post_init__(self) -> None:
        if len(set(self.languages)) != len(self.languages) or set(self.languages) & set(self.others):
            raise ValueError("a label stands twice in languages and others")
        if self.others and not self.open_set:
            raise ValueError("others are learnt only with open_set: true")
        if self.open_set and OTHER in self.languages:
            raise ValueError(f"with open_set no language can be called {OTHER!r}")
        if not (0 <= self.dropout < 1 and 0 <= self.label_smoothing < 1):
            raise ValueError("dropout and label_smoothing are shares, at least 0 and below 1")
        if self.embedding_dim < 1 or self.scale <= 0 or not 0 <= self.margin < 1.5:
            raise ValueError("embedding_dim is at least 1, scale above 0, margin between 0 and 1.5")

    @property
    def learned(self) -> str:
        """The table of the labels: what tells training to read them."""
        return label_table(self.kind)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return (*self.languages, OTHER) if self.open_set else self.languages

    def number(self, label: str | None) -> int:
        """The place of a label's class; -1 where it has none."""
        if label is None:
            return -1
        if label in self.languages:
            return self.languages.index(label)
        return len(self.languages) if self.open_set else -1

    def completed(self, found: Collection[str]) -> Config:
        """This configuration with the languages of the training data, whose labels are `found`, where it names none."""
        config = replace(self, languages=self.languages or tuple(sorted(set(found) - set(self.others))))
        absent = [label for label in (*config.languages, *config.others) if label not in found]
        if absent:
            raise DataError(
                f"objective: the training data have no utterance of {', '.join(absent[:5])}",
                fix=f"leave it out of objective.languages and others, or add it to {self.learned} of the training data",
            )
        if self.open_set and not set(found) - set(config.languages):
            raise DataError(
                f"objective.open_set: nothing in the training data would be {OTHER!r}",
                fix="name some of its labels in objective.others, or only the wanted ones in objective.languages",
            )
        if len(config.classes) < 2:
            raise DataError(
                f"{self.learned} of the training data has {len(found)} label(s), and learning needs two",
                fix="check that the table is there: masr data show DATA",
            )
        return config


def build(config: Config, encoder: Encoder, masker: Masker) -> Lid:  # noqa: ARG001 (nothing is masked here)
    """The objective around an encoder."""
    if len(config.classes) < 2:
        raise ValueError("objective.languages names fewer than two classes")
    return Lid(config, encoder)


class Lid(nn.Module):
    """Scores for each class, and what they cost."""

    temperature: Tensor

    def __init__(self, config: Config, encoder: Encoder) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.layer_mean = LayerMean(encoder.num_layers + 1) if config.layers == "mean" else None
        self.head = Head(
            config.head, encoder.dim, len(config.classes), config.pooling, config.embedding_dim, config.dropout
        )
        if config.loss == "aam":
            self.head.classes.register_parameter("bias", None)
        self.register_buffer("temperature", torch.ones(()))

    def advance(self, step: int) -> None:  # noqa: ARG002 (which step it is does not matter)
        """Moves the head's running figures between steps, so that in a step an utterance counts the same anywhere."""
        self.head.advance()

    def forward(self, batch: Batch) -> Losses:
        """The loss over utterances that have a class and at least one encoded frame."""
        encoded, frames = self.encode(batch.features, batch.lengths)
        labels = batch.labels[self.config.learned]
        heard = from_host(_heard, labels, encoded.lengths)
        logits = rows_at(self.compare(self.head(frames, encoded.lengths, heard)), heard)
        labels = rows_at(labels, heard)
        weights = None if batch.weights is None else rows_at(batch.weights, heard)
        right = (logits.argmax(dim=1) == labels).float().sum()
        return Losses(
            {"classification": self.cost(logits, labels, weights)},
            {"accuracy": (right, number(right, float(len(labels))))},
            encoded,
        )

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term -> its count, before anything is computed."""
        lengths = from_host(self.encoder.num_encoded, batch.lengths)
        return {"classification": float(len(places(from_host(_heard, batch.labels[self.config.learned], lengths))))}

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Encoded, Tensor]:
        """What the encoder makes of its input, and (B, T, D) the frames that are pooled."""
        embedded, encoded_lengths = self.encoder.embed(features, lengths)
        encoded = self.encoder.contextualise(embedded, encoded_lengths, with_layers=self.layer_mean is not None)
        if self.layer_mean is None:
            return encoded, encoded.frames
        return encoded, self.layer_mean((*encoded.layers[:-1], encoded.frames))

    def compare(self, vectors: Tensor) -> Tensor:
        """(B, E) -> (B, C) logits, without any margin."""
        if self.config.loss == "softmax":
            logits: Tensor = self.head.classes(vectors)
            return logits
        return cosines(vectors, self.head.classes.weight) * self.config.scale

    def cost(self, logits: Tensor, labels: Tensor, weights: Tensor | None) -> Term:
        """(N, C), (N,), (N,) -> the term; the margin is for training alone."""
        if self.config.loss == "aam" and self.training:
            logits = with_margin(logits / self.config.scale, labels, self.config.margin) * self.config.scale
        smoothing = self.config.label_smoothing if self.training else 0.0
        return cross_entropy(logits, labels, weights, smoothing)

    def log_probabilities(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised input -> (B, C) calibrated, and (B,) the encoded frames they were made from."""
        encoded, frames = self.encode(features, lengths)
        nothing = torch.zeros_like(encoded.lengths, dtype=torch.bool)
        logits = self.compare(self.head(frames, encoded.lengths, nothing))
        return (logits.float() / self.temperature).log_softmax(dim=1), encoded.lengths

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch], total: Callable[[float], float]) -> dict[str, float]:
        """Fits the temperature to validation data, of which each rank has a part; returns what it came to."""
        logits, labels = [], []
        self.temperature.fill_(1.0)
        for batch in batches:
            found, lengths = self.log_probabilities(batch.features, batch.lengths)
            given = batch.labels[self.config.learned]
            kept = (given >= 0) & (lengths > 0) & (not batch.stand_in)
            logits.append(found[kept])
            labels.append(given[kept])
        self.temperature.fill_(fit_temperature(logits, labels, total))
        return {"temperature": float(self.temperature)}


def _heard(labels: Tensor, lengths: Tensor) -> Tensor:
    """(B,), (B,) -> (B,) utterances that have a class and at least one encoded frame."""
    return (labels >= 0) & (lengths > 0)
