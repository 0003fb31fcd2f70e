"""Speech recognition by CTC: an encoder and a score for each unit in each frame.

Validation reads the best path of each utterance and reports word and character error rates, summed over the set.

Shapes: B utterances, T encoded frames, D encoder width, V units of which 0 is the blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from masr.config import option
from masr.errors import MissingPackageError
from masr.losses.ctc import ctc, num_units
from masr.maths.on_host import from_host, on_host
from masr.maths.products import Linear
from masr.models.heads import LayerMean
from masr.types import Batch, Encoded, Encoder, Losses, Masker, Term, Units

Figures = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Config:
    """What is scored, and which utterances are learnt from."""

    num_units: int = option(0, "outputs; left out, as many as the folder of `codes` has units")
    layers: Literal["last", "mean"] = option("last", "the encoder's last word, or a learnt weighted mean of its layers")
    dropout: float = option(0.0, "on the frames before the output layer")
    intermediate: tuple[int, ...] = option(
        (), "blocks, from 1, whose output is scored by the same output layer as well (intermediate CTC, 2102.03216)"
    )
    intermediate_weight: float = option(0.3, "share of the loss that these have together")
    unknown: Literal["error", "skip"] = option(
        "error", "a transcript to learn with units that are not known: stop, or leave it out, counted and listed"
    )
    empty: Literal["error", "skip"] = option(
        "error", "an utterance to learn from without a transcript: stop, or leave it out, counted and listed"
    )

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise ValueError("dropout is a share, at least 0 and below 1")
        if not 0 < self.intermediate_weight < 1:
            raise ValueError("intermediate_weight is a share of the loss, above 0 and below 1")
        if len(set(self.intermediate)) != len(self.intermediate) or any(block < 1 for block in self.intermediate):
            raise ValueError("intermediate names blocks, counted from 1, each once")
        if self.num_units < 0 or self.num_units == 1:
            raise ValueError("num_units is at least 2: the blank and something to say")

    @property
    def transcribes(self) -> bool:
        """Tells training to read transcripts."""
        return True


def build(config: Config, encoder: Encoder, masker: Masker) -> Ctc:  # noqa: ARG001 (nothing is masked here)
    """The objective around an encoder."""
    if config.num_units < 2:
        raise ValueError("objective.num_units is not known: `codes` names the folder of the units")
    beyond = [block for block in config.intermediate if block >= encoder.num_layers]
    if beyond:
        raise ValueError(f"intermediate: {beyond[0]} is not below the last of {encoder.num_layers} blocks")
    drops_layers = bool(getattr(getattr(encoder, "config", None), "layer_drop", 0.0))
    if config.intermediate and drops_layers:
        raise ValueError("intermediate CTC scores given blocks, and layer_drop leaves blocks out; set one of them to 0")
    return Ctc(config, encoder)


class Ctc(nn.Module):
    """Log-probabilities of units, what they cost, and in validation what they say."""

    def __init__(self, config: Config, encoder: Encoder) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.layer_mean = LayerMean(encoder.num_layers + 1) if config.layers == "mean" else None
        self.dropout = nn.Dropout(config.dropout)
        self.inner_norm = nn.LayerNorm(encoder.dim) if config.intermediate else None
        self.output = Linear(encoder.dim, config.num_units)
        self.units: Units | None = None
        """What reads the best paths in validation; without them there are no error rates."""

    def forward(self, batch: Batch) -> Losses:
        """The loss over utterances with a transcript that fits their frames."""
        if batch.transcripts is None:
            raise ValueError("a batch without transcripts: data for CTC come from a data directory with text")
        encoded, frames = self.encode(batch.features, batch.lengths)
        scores = self.score(frames)
        terms = {"ctc": ctc(scores, encoded.lengths, batch.transcripts, batch.weights)}
        if self.config.intermediate:
            share = self.config.intermediate_weight
            terms["ctc"] = _weighted(terms["ctc"], 1 - share)
            for block, frames in self.inner(encoded):
                found = ctc(self.score(frames), encoded.lengths, batch.transcripts, batch.weights)
                terms[f"ctc_block{block}"] = _weighted(found, share / len(self.config.intermediate))
        return Losses(terms, self.figures(scores, encoded.lengths, batch), encoded)

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term -> its count, before anything is computed."""
        if batch.transcripts is None:
            return {}
        lengths = from_host(self.encoder.num_encoded, batch.lengths)
        count = float(num_units(on_host(batch.transcripts), on_host(lengths)))
        return {"ctc": count} | {f"ctc_block{block}": count for block in self.config.intermediate}

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Encoded, Tensor]:
        """What the encoder makes of its input, and (B, T, D) the frames that are scored."""
        embedded, encoded_lengths = self.encoder.embed(features, lengths)
        wanted = self.layer_mean is not None or bool(self.config.intermediate)
        encoded = self.encoder.contextualise(embedded, encoded_lengths, with_layers=wanted)
        if self.layer_mean is None:
            return encoded, encoded.frames
        return encoded, self.layer_mean((*encoded.layers[:-1], encoded.frames))

    def inner(self, encoded: Encoded) -> list[tuple[int, Tensor]]:
        """The blocks that are scored as well, and (B, T, D) their frames."""
        assert self.inner_norm is not None
        return [(block, self.inner_norm(encoded.layers[block])) for block in self.config.intermediate]

    def score(self, frames: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, V) natural log-probabilities."""
        logits: Tensor = self.output(self.dropout(frames))
        return logits.float().log_softmax(dim=2)

    def log_probabilities(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised input -> (B, T, V), and (B,) how many frames of each utterance are its own."""
        encoded, frames = self.encode(features, lengths)
        return self.score(frames), encoded.lengths

    @torch.no_grad()
    def figures(self, scores: Tensor, lengths: Tensor, batch: Batch) -> Figures:
        """Errors and words, errors and characters of the best paths; in training nothing, as that would cost time."""
        if self.training or self.units is None:
            return {}
        words, characters = [0, 0], [0, 0]
        for said, path, size in zip(batch.texts, scores.argmax(dim=2).tolist(), lengths.tolist(), strict=True):
            heard = " ".join(self.units.decode(best_path(path[:size])).split())
            _count(said.split(), heard.split(), words)
            _count(" ".join(said.split()), heard, characters)
        return {"wer": _pair(words, scores), "cer": _pair(characters, scores)}


def best_path(path: Sequence[int]) -> list[int]:
    """The likeliest unit of each frame, repeats and blanks taken out."""
    return [unit for before, unit in zip([0, *path], path, strict=False) if unit not in (0, before)]


def _weighted(term: Term, weight: float) -> Term:
    return Term(term.sum, term.count, weight)


def _count(said: Sequence[str], heard: Sequence[str], counts: list[int]) -> None:
    """Adds errors and the length of what was said."""
    try:
        from rapidfuzz.distance import Levenshtein
    except ModuleNotFoundError:
        raise MissingPackageError(
            "rapidfuzz is not installed", why="validation counts errors with it", fix="pip install rapidfuzz"
        ) from None
    counts[0] += Levenshtein.distance(said, heard)
    counts[1] += len(said)


def _pair(counts: list[int], like: Tensor) -> tuple[Tensor, Tensor]:
    return like.new_tensor(float(counts[0])), like.new_tensor(float(counts[1]))
