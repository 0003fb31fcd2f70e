"""MASR (2307.10982): any objective, and beside it one hard-mining loss per stream of metadata.

The objective is wrapped and never edited: its encoder's frames are pooled and projected once per stream, and metadata
similarity says which samples of the batch belong together. LASR (2306.04374) is one stream, language, mined by label.

Shapes: B utterances of this rank, N of all ranks and the memory, D encoder width, E projection width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.config import option
from masr.losses.balance import taps
from masr.losses.collapse import cosine_of_pairs, deviation, floor_loss, moments
from masr.losses.gather import gather_columns
from masr.losses.triplet import Candidates, contrastive_loss, mine, triplet_loss
from masr.losses.triplet import Config as TripletConfig
from masr.maths.on_host import number
from masr.models.pooling import Kind, build_pooling, mean_of
from masr.types import Batch, Encoded, Losses, Stream, Term

_PURPOSE = 40
_MOMENTUM = 0.1
_FLOOR = 1e-5
_DRIVEN, _ALIKE = 3.0, 0.95
"""A stream with so many times the objective's gradient, over vectors so much alike, keeps the encoder from speech. The
cosine by itself says little: the means of log-mel frames have .99, and so may an encoder that learns from speech."""
_NARROW = 0.02


@dataclass(frozen=True)
class StreamConfig(TripletConfig):
    """What every stream may set beside its own keys."""

    weight: float = option(1.0, "lambda: factor on this stream's loss")
    gradient_share: float = option(
        0.0,
        "cap on the length of this stream's gradient at the encoder's output, as a share of the objective's; 0 is none",
    )
    gradient_warmup_steps: int = option(
        0, "steps over which that cap rises from nothing, so that the encoder hears speech before it hears labels"
    )
    pooling: Kind = option("mean", "how frames become one vector: mean, attention or statistics")
    projection_dim: int = option(256, "width of the vectors that are compared")
    scaling: Literal["whiten", "centre", "none"] = option(
        "whiten", "of pooled vectors, by the labelled samples of a batch: mean 0 and variance 1, mean 0, as they are"
    )
    variance_floor: float = option(
        0.0,
        "least deviation of each dimension of the pooled vectors, as a share of their length; a hinge (VICReg's) "
        "pushes up what is below; 0 is off",
    )
    warmup_steps: int = option(200, "steps over which mining goes from random pairs to the hardest, against collapse")
    permute_codes: int | None = option(
        None, "deal the labels' codes out to other labels at random, by this seed: a control whose codes mean nothing"
    )
    memory: int = option(0, "embeddings of past batches to mine from as well")
    unlearn: bool = option(
        False, "turn this stream's gradient round at the pooled vector: what tells its labels apart is to be unlearnt"
    )
    label_noise: float = option(0.0, "share of training utterances that get another label at random, on purpose")
    label_drop: float = option(0.0, "share of training utterances whose label is taken away, on purpose")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("weight", "gradient_share", "gradient_warmup_steps", "variance_floor", "warmup_steps", "memory"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.gradient_warmup_steps and not self.gradient_share:
            raise ValueError("gradient_warmup_steps needs a gradient_share, whose rise it is")
        if self.across and self.memory:
            raise ValueError("across compares samples of this batch: set memory to 0")
        if self.projection_dim < 1:
            raise ValueError("projection_dim must be at least 1")
        if not (0 <= self.label_noise <= 1 and 0 <= self.label_drop <= 1):
            raise ValueError("label_noise and label_drop are shares between 0 and 1")


def wrap(objective: nn.Module, streams: Mapping[str, tuple[Stream, StreamConfig]]) -> Masr:
    """The objective with its streams; the names are those that Batch.codes and Batch.labels carry."""
    return Masr(objective, streams)


class Masr(nn.Module):
    """Loss of the objective plus the weighted loss of each stream."""

    gradients: Tensor
    of_a_micro_batch = "triplets of the streams"

    def __init__(self, objective: nn.Module, streams: Mapping[str, tuple[Stream, StreamConfig]]) -> None:
        super().__init__()
        self.objective = objective
        dim = int(objective.encoder.dim)  # type: ignore[arg-type]
        heads = [StreamHead(stream, config, dim, _PURPOSE + i) for i, (stream, config) in enumerate(streams.values())]
        self.heads = nn.ModuleDict({_safe(name): head for name, head in zip(streams, heads, strict=True)})
        self.names = tuple(streams)
        self.shares = [share_at(config, 0) for _, config in streams.values()]
        # What the last backward pass found, kept so that a run that is gone on with logs what it would have logged.
        self.register_buffer("gradients", torch.full((1 + len(self.shares),), -1.0))

    @property
    def encoder(self) -> nn.Module:
        """The encoder of the objective; as a second submodule its weights would be saved twice."""
        encoder: nn.Module = self.objective.encoder  # type: ignore[assignment]
        return encoder

    def advance(self, step: int) -> None:
        """Tells the objective and every head which step comes next; caps rise with it."""
        self.shares = [share_at(head.config, step) for head in self.heads.values() if isinstance(head, StreamHead)]
        for module in (self.objective, *self.heads.values()):
            advance = getattr(module, "advance", None)
            if callable(advance):
                advance(step)

    def forward(self, batch: Batch) -> Losses:
        """The objective's losses, and `<stream>` for each stream with its figures."""
        losses: Losses = self.objective(batch)
        terms, figures = dict(losses.terms), dict(losses.figures)
        assert losses.encoded is not None
        frames, lengths = losses.encoded.frames, losses.encoded.lengths
        figures |= {**self._gradient_figures(), **_pooled_figures(frames.detach(), lengths)}
        heads = [head for head in self.heads.values() if isinstance(head, StreamHead)]
        pooled = [head.pooled(Encoded(tap, lengths)) for head, tap in zip(heads, self._taps(frames), strict=True)]
        gathered = self._gathered(pooled, batch)
        for name, head in zip(self.names, heads, strict=True):
            found, stream_figures = head(gathered[name], [gathered[other].labels for other in head.config.across])
            terms.update({name + part: term for part, term in found.items()})
            figures.update({f"{name}_{figure}": value for figure, value in stream_figures.items()})
        return Losses(terms, figures, losses.encoded, losses.histograms)

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term of the objective -> its count, before anything is computed; what is mined nobody knows beforehand."""
        counts = getattr(self.objective, "counts", None)
        return dict(counts(batch)) if callable(counts) else {}

    def concerns(self, figures: Mapping[str, float]) -> list[str]:
        """What the figures of a validation and the gradients of the last step say that a person should know."""
        of_objective = getattr(self.objective, "concerns", None)
        found = list(of_objective(figures)) if callable(of_objective) else []
        cosine = figures["raw_cosine"]
        objective, *streams = self.gradients.tolist()
        configs = [head.config for head in self.heads.values() if isinstance(head, StreamHead)]
        for name, config, gradient in zip(self.names, configs, streams, strict=True):
            ratio = gradient / objective if objective > 0 else 0.0
            felt = min(ratio, config.gradient_share or ratio)
            if felt > _DRIVEN and cosine > _ALIKE:
                found.append(
                    f"{name} alone drives the encoder: its gradient there is {felt:.1f} times the objective's, and the "
                    f"pooled vectors of any two utterances have a cosine of {cosine:.3f}; set gradient_share: 1, or "
                    "lower its weight"
                )
            if figures[f"{name}_spread"] < _NARROW:
                cures = [f"scaling: whiten ({config.scaling} now)"] if config.scaling != "whiten" else []
                cures += ["loss: soft (hinge now)"] if config.loss == "hinge" else []
                found.append(
                    f"{name}: its embeddings lie in one point (spread {figures[f'{name}_spread']:.4f}); set "
                    + " or ".join(cures or [f"warmup_steps longer ({config.warmup_steps} now)"])
                )
        return found

    def _gathered(self, pooled: Sequence[Tensor], batch: Batch) -> dict[str, Samples]:
        """What every stream compares, of all ranks: all vectors and codes by one collective, all numbers by another."""
        # Labels of other streams are compared across; a stream of weight 0 is there for that alone.
        codes = [batch.codes[name] for name in self.names]
        real, anchors = gather_columns([*pooled, *codes], batch.rank_sizes)
        (keys, *labels), _ = gather_columns([batch.keys, *(batch.labels[n] for n in self.names)], batch.rank_sizes)
        each = zip(self.names, real, real[len(codes) :], labels, strict=False)
        return {name: Samples(vectors, code, label, keys, anchors) for name, vectors, code, label in each}

    def _taps(self, frames: Tensor) -> list[Tensor]:
        return taps(frames, self.shares, self.gradients) if self.training else [frames] * len(self.shares)

    def _gradient_figures(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Lengths of the gradients at the encoder's output as the last backward pass found them."""
        if not self.training:
            return {}
        names = ("objective_gradient", *(f"{name}_gradient" for name in self.names))
        known = (self.gradients >= 0).float()
        values = self.gradients.clamp(min=0)
        return {name: (values[place].clone(), known[place]) for place, name in enumerate(names)}


def share_at(config: StreamConfig, step: int) -> float:
    """The cap on a stream's gradient in that step, counted from 0: above 0 from the first, as 0 would be no cap."""
    steps = config.gradient_warmup_steps
    return config.gradient_share * (min(1.0, (step + 1) / steps) if steps else 1.0)


@torch.no_grad()
def _pooled_figures(frames: Tensor, lengths: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Whether the means of frames, as they are, still differ from utterance to utterance."""
    pooled = mean_of(frames, lengths)
    return {"raw_cosine": cosine_of_pairs(pooled), "raw_deviation": deviation(pooled)}


def _safe(name: str) -> str:
    """A name that torch lets a submodule have: it takes no dot, and none of its own words such as `type`."""
    name = name.replace(".", "_")
    return f"stream_{name}" if hasattr(nn.ModuleDict, name) else name


class Scaling(nn.Module):
    """Mean 0, and variance 1 where asked for, in each dimension over the labelled samples of all ranks; running figures
    afterwards.

    Pooled frames of any two utterances have a cosine near 1, so the gradient of a triplet hardly tells them apart and
    the cheapest way to a smaller loss is to shrink all to a point. What is compared cannot shrink after this; the
    pooled vectors themselves can, which is what `raw_cosine` and `raw_deviation` tell.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, dim: int, to_unit_variance: bool) -> None:
        super().__init__()
        self.to_unit_variance = to_unit_variance
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("variance", torch.ones(dim))

    def forward(self, pooled: Tensor, labelled: Tensor) -> Tensor:
        """(N, D) vectors, (N,) which are labelled -> (N, D) whitened."""
        mean, variance = self.mean, self.variance
        if self.training:
            found, are_two = moments(pooled.float(), labelled), labelled.sum() > 1
            mean, variance = (torch.where(are_two, x, held) for x, held in zip(found, (mean, variance), strict=True))
            self.mean.lerp_(mean.detach(), _MOMENTUM)
            self.variance.lerp_(variance.detach(), _MOMENTUM)
        centred = pooled.float() - mean
        return centred * (variance + _FLOOR).rsqrt() if self.to_unit_variance else centred


class _Reversed(torch.autograd.Function):
    """Vectors as they are; their gradient with the other sign (1505.07818)."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor) -> Tensor:  # noqa: ARG004 (torch's signature)
        return vectors.view_as(vectors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004 (torch's signature)
        return -gradients[0]


@dataclass(frozen=True)
class Samples:
    """What a stream compares: of all ranks, N each."""

    pooled: Tensor
    """(N, D) vectors before the head's projection, with gradient."""
    codes: Tensor
    labels: Tensor
    keys: Tensor
    anchors: slice
    """Where this rank's own lie."""


class StreamHead(nn.Module):
    """Pool, then of what all ranks have pooled: whiten, project, mine, compare."""

    memory_embeddings: Tensor
    memory_codes: Tensor
    memory_labels: Tensor
    memory_keys: Tensor

    def __init__(self, stream: Stream, config: StreamConfig, dim: int, purpose: int) -> None:
        super().__init__()
        self.stream, self.config, self.purpose = stream, config, purpose
        self.pooling = build_pooling(config.pooling, dim)
        joined = stream.num_dims if config.mining == "concat" else 0
        scaled = config.scaling != "none"
        self.scaling = Scaling(self.pooling.out_dim, config.scaling == "whiten") if scaled else None
        # A bias would give all samples one direction again.
        self.projection = nn.Linear(self.pooling.out_dim + joined, config.projection_dim, bias=not scaled)
        self.hardness = 0.0 if config.warmup_steps else 1.0
        self.register_buffer("memory_embeddings", torch.zeros(config.memory, config.projection_dim))
        self.register_buffer("memory_codes", torch.full((config.memory, stream.num_dims), torch.nan))
        self.register_buffer("memory_labels", torch.full((config.memory,), -1))
        self.register_buffer("memory_keys", torch.zeros(config.memory, dtype=torch.int64))

    def advance(self, step: int) -> None:
        """Mining hardens as training goes on."""
        self.hardness = min(1.0, step / self.config.warmup_steps) if self.config.warmup_steps else 1.0

    def embed(self, pooled: Tensor, codes: Tensor, labels: Tensor) -> Tensor:
        """(N, D), (N, d), (N,) of all ranks -> (N, E) of unit length; for `concat` with the metadata's own code."""
        if self.scaling is not None:
            pooled = self.scaling(pooled, labels >= 0)
        if self.config.mining == "concat":
            pooled = torch.cat([pooled, codes.nan_to_num().to(pooled.dtype)], dim=1)
        return functional.normalize(self.projection(pooled).float(), dim=1)

    def pooled(self, encoded: Encoded) -> Tensor:
        """(B, T, D) -> (B, P) this rank's vectors."""
        own: Tensor = self.pooling(encoded.frames, encoded.lengths)
        return _Reversed.apply(own) if self.config.unlearn else own  # type: ignore[no-untyped-call]

    def forward(
        self, samples: Samples, others: Sequence[Tensor] = ()
    ) -> tuple[dict[str, Term], dict[str, tuple[Tensor, Tensor]]]:
        """Samples, and (N,) labels of each stream of `across` -> weighted terms over this rank's anchors, by what is
        added to the stream's name, and figures."""
        pooled, anchors, num_own = samples.pooled, samples.anchors, samples.anchors.stop - samples.anchors.start
        all_codes, all_labels, all_keys = samples.codes, samples.labels, samples.keys
        embeddings = self.embed(pooled, all_codes, all_labels)
        fresh = len(embeddings)
        if self.config.memory:
            embeddings = torch.cat([embeddings, self.memory_embeddings])
            all_codes = torch.cat([all_codes, self.memory_codes])
            all_labels = torch.cat([all_labels, self.memory_labels])
            all_keys = torch.cat([all_keys, self.memory_keys])
        candidates = Candidates(
            embeddings.detach(),
            all_labels,
            lambda rows: self.stream.similarity(all_codes[rows], all_codes),
            all_keys,
            tuple(others),
        )
        if self.config.loss == "contrastive":
            term, figures = contrastive_loss(candidates, embeddings, anchors, self.config)
        else:
            triplets = mine(candidates, anchors, self.config, self.hardness, self.purpose)
            term, figures = triplet_loss(embeddings, triplets, self.config)
        figures["kept_share"] = (term.count, number(term.count, float(num_own)))
        if self.config.memory and self.training:
            self.remember(embeddings[:fresh], all_codes[:fresh], all_labels[:fresh], all_keys[:fresh])
        terms = {"": Term(term.sum, term.count, self.config.weight, beside=True)}
        if self.config.variance_floor:
            floor = floor_loss(pooled, all_labels[: len(pooled)] >= 0, self.config.variance_floor, num_own)
            terms["_floor"] = Term(floor.sum, floor.count, self.config.weight, beside=True)
        return terms, figures

    @torch.no_grad()
    def remember(self, embeddings: Tensor, codes: Tensor, labels: Tensor, keys: Tensor) -> None:
        """Adds samples to the memory, in the order of their keys on any number of ranks; they push the oldest out."""
        order, size = keys.argsort(), self.config.memory
        for held, new in (
            (self.memory_embeddings, embeddings),
            (self.memory_codes, codes),
            (self.memory_labels, labels),
            (self.memory_keys, keys),
        ):
            held.copy_(torch.cat([new[order].to(held.dtype), held])[:size])
