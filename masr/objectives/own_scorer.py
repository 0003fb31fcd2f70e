"""Ask2Mask whose scorer is the model itself: a slower copy of what is trained says how sure it is of each frame.

The copy hears speech of which nothing is hidden. It says either the objective's own codes, which takes no transcripts,
or units of text, by a CTC head on the shared encoder that learns beside the objective from what is transcribed. The
objective is wrapped and never edited.

Shapes: B utterances, T encoded frames, G codebooks, V codes or units, U units of a transcript.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from masr.config import option, seed_option
from masr.losses.ctc import ctc
from masr.masking.confidence import Measure, frame_confidence
from masr.maths.on_host import from_host, longest, number, on_host, sent
from masr.maths.products import Linear
from masr.objectives.ctc import Config as CtcConfig
from masr.objectives.ctc import Ctc
from masr.types import Batch, Losses, Term


@dataclass(frozen=True)
class OwnScorerConfig:
    """What the copy says, how it follows, and what counts as its confidence."""

    learns: Literal["codes", "ctc"] = option(
        "codes", "what it says of a frame: the objective's own codes, or units of text by a CTC head on the encoder"
    )
    decay: float = option(
        0.99, "share of the copy's weights that stays when it follows; 0 takes the weights as they are"
    )
    every: int = option(1, "steps from one time that the copy follows to the next: confidences are of that age at most")
    measure: Measure = option("margin", "what counts as its confidence: max, entropy or margin")
    exclude_blank: bool = option(False, "of ctc: whether only units other than the blank are taken")
    temperature: float = option(1.0, "its probabilities are those of logits divided by this")
    weight: float = option(0.3, "of ctc: factor on the loss of its head, which reaches the encoder")
    labelled: float = option(1.0, "of ctc: share of the training utterances whose transcripts are read")
    label_seed: int = seed_option("of which utterances those are: the same in every run and every batch")

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1 or self.every < 1:
            raise ValueError("decay is at least 0 and below 1, every at least 1")
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature is a number above 0, not {self.temperature:g}")
        if not 0 < self.labelled <= 1 or self.weight <= 0:
            raise ValueError("labelled is a share, above 0 and at most 1, and weight is above 0")
        if self.exclude_blank and self.learns == "codes":
            raise ValueError("exclude_blank: of codes none is a blank; leave it out, or set learns: ctc")

    @property
    def reads_text(self) -> bool:
        """Whether transcripts are read for it."""
        return self.learns == "ctc"


def with_own_scorer(objective: nn.Module, config: OwnScorerConfig, num_units: int = 0) -> OwnScorer:
    """The objective guided by a copy of itself; ValueError where it masks nothing, or has no codes to be sure of."""
    if not hasattr(objective, "masker"):
        raise ValueError("it hides nothing, so that there is nothing to guide: leave own_scorer out")
    if config.reads_text:
        return TextScorer(objective, config, num_units)
    if not hasattr(objective, "code_log_probabilities"):
        raise ValueError("it predicts no codes that it could be sure of: set own_scorer.learns: ctc, or leave it out")
    return CodeScorer(objective, config)


class OwnScorer(nn.Module):
    """The objective over batches that carry the copy's confidences."""

    def __init__(self, objective: nn.Module, config: OwnScorerConfig, teacher: nn.Module) -> None:
        super().__init__()
        self.objective, self.config = objective, config
        self.teacher = teacher.requires_grad_(False).eval()

    @property
    def encoder(self) -> nn.Module:
        """The encoder of the objective; as a second submodule its weights would be saved twice."""
        encoder: nn.Module = self.objective.encoder  # type: ignore[assignment]
        return encoder

    def train(self, mode: bool = True) -> Self:
        """The copy never trains: no dropout, and every block there."""
        super().train(mode)
        self.teacher.eval()
        return self

    def pairs(self) -> Iterator[tuple[nn.Module, nn.Module]]:
        """Each part of the copy, and what it follows."""
        raise NotImplementedError

    def log_probabilities(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the copy says of a batch: (B, T, V), or (B, T, G, V), and (B,) encoded lengths."""
        raise NotImplementedError

    @torch.no_grad()
    def advance(self, step: int) -> None:
        """Before every so many steps the copy follows what the step before has left."""
        if step % self.config.every == 0:
            for slow, fast in self.pairs():
                follow(slow, fast, 1 - self.config.decay)
        advance = getattr(self.objective, "advance", None)
        if callable(advance):
            advance(step)

    @torch.no_grad()
    def confidence(self, batch: Batch) -> Tensor:
        """(B, T) in [0, 1], zero past an utterance's end; T is the longest of the encoded lengths, at least 1."""
        config = self.config
        said, lengths = self.log_probabilities(batch)
        found = frame_confidence(said, config.measure, config.exclude_blank, config.temperature)
        time = longest(lengths)
        found = pad(found[:, :time], (0, max(0, time - found.shape[1])))
        return found.masked_fill(torch.arange(time, device=found.device) >= lengths[:, None], 0.0)

    def forward(self, batch: Batch) -> Losses:
        """The objective's losses, its masks drawn by what the copy is sure of."""
        losses: Losses = self.objective(replace(batch, confidence=self.confidence(batch)))
        return losses


class CodeScorer(OwnScorer):
    """The copy is one of the whole objective, asked for its own codes."""

    def __init__(self, objective: nn.Module, config: OwnScorerConfig) -> None:
        super().__init__(objective, config, deepcopy(objective))

    def pairs(self) -> Iterator[tuple[nn.Module, nn.Module]]:
        """The copy and the objective."""
        yield self.teacher, self.objective

    def log_probabilities(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, T, G, V) of its codes, and (B,) lengths."""
        found: tuple[Tensor, Tensor] = self.teacher.code_log_probabilities(  # type: ignore[operator]
            batch.features, batch.lengths
        )
        return found


class TextScorer(OwnScorer):
    """The copy is one of the encoder and of a CTC head that learns beside the objective."""

    def __init__(self, objective: nn.Module, config: OwnScorerConfig, num_units: int) -> None:
        encoder: Any = objective.encoder
        teacher = Ctc(CtcConfig(num_units=num_units), deepcopy(encoder))
        super().__init__(objective, config, teacher)
        self.output = Linear(encoder.dim, num_units)
        follow(teacher.output, self.output, 1.0)

    def pairs(self) -> Iterator[tuple[nn.Module, nn.Module]]:
        """Encoders, and heads."""
        yield self.teacher.encoder, self.encoder  # type: ignore[misc]
        yield self.teacher.output, self.output  # type: ignore[misc]

    def log_probabilities(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, T, V) of units of text, and (B,) lengths."""
        found: tuple[Tensor, Tensor] = self.teacher.log_probabilities(  # type: ignore[operator]
            batch.features, batch.lengths
        )
        return found

    def forward(self, batch: Batch) -> Losses:
        """The objective's losses, and beside them what the transcribed utterances of the batch cost the head."""
        losses = super().forward(batch)
        heard, share = self.lessons(batch)
        encoder: Any = self.encoder
        encoded = encoder.contextualise(*encoder.embed(heard.features, heard.lengths))
        scores = self.output(encoded.frames).float().log_softmax(dim=2)
        assert heard.transcripts is not None
        found = ctc(scores, encoded.lengths, heard.transcripts, heard.weights)
        terms = {**losses.terms, "scorer_ctc": Term(found.sum, found.count, self.config.weight, beside=True)}
        figures = {**losses.figures, "transcribed": share, **self.errors(heard)}
        return replace(losses, terms=terms, figures=figures)

    def lessons(self, batch: Batch) -> tuple[Batch, tuple[Tensor, Tensor]]:
        """The utterances of a batch with a transcript, and how many of how many they are.

        Where there is none, it is the first utterance without its transcript: ranks wait for every weight.
        """
        if batch.transcripts is None:
            raise ValueError("a batch without transcripts: own_scorer.learns: ctc wants a data directory with text")
        taught = (on_host(batch.transcripts) >= 0).any(dim=1).nonzero()[:, 0]
        chosen = taught if len(taught) else torch.zeros(1, dtype=torch.int64)
        rows = sent(chosen, batch.features.device)
        lengths = from_host(lambda known: known[chosen], batch.lengths)
        heard = replace(
            batch,
            utts=tuple(batch.utts[row] for row in chosen.tolist()),
            features=batch.features[:, : longest(lengths)].index_select(0, rows),
            lengths=lengths,
            transcripts=from_host(lambda known: known[chosen], batch.transcripts),
            weights=None if batch.weights is None else batch.weights[rows],
            texts=tuple(batch.texts[row] for row in taught.tolist()) if batch.texts else (),
        )
        share = (float(len(taught)), float(len(batch.utts)))
        return heard, (number(batch.features, share[0]), number(batch.features, share[1]))

    @torch.no_grad()
    def errors(self, heard: Batch) -> dict[str, tuple[Tensor, Tensor]]:
        """Word and character errors of the copy's best paths, in validation alone: how good a guide it is."""
        teacher: Any = self.teacher
        if self.training or teacher.units is None or not heard.texts:
            return {}
        scores, lengths = teacher.log_probabilities(heard.features, heard.lengths)
        return {f"scorer_{name}": figure for name, figure in teacher.figures(scores, lengths, heard).items()}


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module, share: float) -> None:
    """Moves every weight of `slow` by this share of the way to that of `fast`; what is no weight is copied."""
    for weight, towards in zip(slow.parameters(), fast.parameters(), strict=True):
        weight.lerp_(towards, share)
    for held, new in zip(slow.buffers(), fast.buffers(), strict=True):
        held.copy_(new)
