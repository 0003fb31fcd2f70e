"""MASR (2307.10982): any objective, and beside it one hard-mining loss per stream of metadata.

The objective is wrapped and never edited: its encoder's frames are pooled and projected once per stream, and metadata
similarity says which samples of the batch belong together. LASR (2306.04374) is one stream, language, mined by label.

Shapes: B utterances of this rank, N of all ranks and the memory, D encoder width, E projection width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.config import option
from masr.losses.gather import gather
from masr.losses.triplet import Candidates, mine, triplet_loss
from masr.losses.triplet import Config as TripletConfig
from masr.models.pooling import Kind, build_pooling
from masr.types import Batch, Encoded, Losses, Stream, Term

_PURPOSE = 40
_MOMENTUM = 0.1
_FLOOR = 1e-5


@dataclass(frozen=True)
class StreamConfig(TripletConfig):
    """What every stream may set beside its own keys."""

    weight: float = option(1.0, "lambda: factor on this stream's loss")
    pooling: Kind = option("mean", "how frames become one vector: mean, attention or statistics")
    projection_dim: int = option(256, "width of the vectors that are compared")
    whiten: bool = option(
        True, "scale each dimension by its mean and variance over the labelled samples of a batch, against collapse"
    )
    warmup_steps: int = option(1000, "steps over which mining goes from random pairs to the hardest, against collapse")
    memory: int = option(0, "embeddings of past batches to mine from as well")
    label_noise: float = option(0.0, "share of training utterances that get another label at random, on purpose")
    label_drop: float = option(0.0, "share of training utterances whose label is taken away, on purpose")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight < 0 or self.projection_dim < 1 or self.warmup_steps < 0 or self.memory < 0:
            raise ValueError("weight, warmup_steps and memory must not be negative, and projection_dim at least 1")
        if not (0 <= self.label_noise <= 1 and 0 <= self.label_drop <= 1):
            raise ValueError("label_noise and label_drop are shares between 0 and 1")


def wrap(objective: nn.Module, streams: Mapping[str, tuple[Stream, StreamConfig]]) -> Masr:
    """The objective with its streams; the names are those that Batch.codes and Batch.labels carry."""
    return Masr(objective, streams)


class Masr(nn.Module):
    """Loss of the objective plus the weighted loss of each stream."""

    def __init__(self, objective: nn.Module, streams: Mapping[str, tuple[Stream, StreamConfig]]) -> None:
        super().__init__()
        self.objective = objective
        dim = int(objective.encoder.dim)  # type: ignore[arg-type]
        heads = [StreamHead(stream, config, dim, _PURPOSE + i) for i, (stream, config) in enumerate(streams.values())]
        self.heads = nn.ModuleDict({_safe(name): head for name, head in zip(streams, heads, strict=True)})
        self.names = tuple(streams)

    @property
    def encoder(self) -> nn.Module:
        """The objective's; as a second submodule its weights would be saved twice."""
        encoder: nn.Module = self.objective.encoder  # type: ignore[assignment]
        return encoder

    def advance(self, step: int) -> None:
        """Tells the objective and every head which step comes next."""
        for module in (self.objective, *self.heads.values()):
            advance = getattr(module, "advance", None)
            if callable(advance):
                advance(step)

    def forward(self, batch: Batch) -> Losses:
        """The objective's losses, and `<stream>` for each stream with its figures."""
        losses: Losses = self.objective(batch)
        terms, figures = dict(losses.terms), dict(losses.figures)
        assert losses.encoded is not None
        for name, head in zip(self.names, self.heads.values(), strict=True):
            terms[name], found = head(losses.encoded, batch.codes[name], batch.labels[name], batch.keys)
            figures.update({f"{name}_{figure}": value for figure, value in found.items()})
        return Losses(terms, figures, losses.encoded, losses.histograms)


def _safe(name: str) -> str:
    """A name that torch lets a submodule have: it takes no dot, and none of its own words such as `type`."""
    name = name.replace(".", "_")
    return f"stream_{name}" if hasattr(nn.ModuleDict, name) else name


class Whitening(nn.Module):
    """Mean 0 and variance 1 in each dimension over the labelled samples of all ranks; running figures afterwards.

    Pooled frames of any two utterances have a cosine near 1, so the gradient of a triplet hardly tells them apart and
    the cheapest way to a smaller loss is to shrink all to a point. After this they cannot shrink.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("variance", torch.ones(dim))

    def forward(self, pooled: Tensor, labelled: Tensor) -> Tensor:
        """(N, D), (N,) -> (N, D)."""
        rows = pooled[labelled].float()
        mean, variance = self.mean, self.variance
        if self.training and len(rows) > 1:
            mean, variance = rows.mean(dim=0), rows.var(dim=0, unbiased=False)
            self.mean.lerp_(mean.detach(), _MOMENTUM)
            self.variance.lerp_(variance.detach(), _MOMENTUM)
        return (pooled.float() - mean) * (variance + _FLOOR).rsqrt()


class StreamHead(nn.Module):
    """Pool, gather, whiten, project, mine, compare."""

    memory_embeddings: Tensor
    memory_codes: Tensor
    memory_labels: Tensor
    memory_keys: Tensor

    def __init__(self, stream: Stream, config: StreamConfig, dim: int, purpose: int) -> None:
        super().__init__()
        self.stream, self.config, self.purpose = stream, config, purpose
        self.pooling = build_pooling(config.pooling, dim)
        joined = stream.num_dims if config.mining == "concat" else 0
        self.whitening = Whitening(self.pooling.out_dim) if config.whiten else None
        # A bias would give all samples one direction again.
        self.projection = nn.Linear(self.pooling.out_dim + joined, config.projection_dim, bias=not config.whiten)
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
        if self.whitening is not None:
            pooled = self.whitening(pooled, labels >= 0)
        if self.config.mining == "concat":
            pooled = torch.cat([pooled, codes.nan_to_num().to(pooled.dtype)], dim=1)
        return functional.normalize(self.projection(pooled).float(), dim=1)

    def forward(
        self, encoded: Encoded, codes: Tensor, labels: Tensor, keys: Tensor
    ) -> tuple[Term, dict[str, tuple[Tensor, Tensor]]]:
        """(B, T, D), (B, d), (B,), (B,) -> the weighted term over this rank's anchors, and figures."""
        pooled, anchors = gather(self.pooling(encoded.frames, encoded.lengths))
        all_codes, _ = gather(codes)
        all_labels, _ = gather(labels)
        all_keys, _ = gather(keys)
        embeddings = self.embed(pooled, all_codes, all_labels)
        fresh = len(embeddings)
        if self.config.memory:
            embeddings = torch.cat([embeddings, self.memory_embeddings])
            all_codes = torch.cat([all_codes, self.memory_codes])
            all_labels = torch.cat([all_labels, self.memory_labels])
            all_keys = torch.cat([all_keys, self.memory_keys])
        candidates = Candidates(
            embeddings.detach(), all_labels, lambda rows: self.stream.similarity(all_codes[rows], all_codes), all_keys
        )
        triplets = mine(candidates, anchors, self.config, self.hardness, self.purpose)
        term, figures = triplet_loss(embeddings, triplets, self.config)
        figures["kept_share"] = (term.count, term.count.new_tensor(float(len(labels))))
        if self.config.memory and self.training:
            self.remember(embeddings[:fresh].detach(), all_codes[:fresh], all_labels[:fresh], all_keys[:fresh])
        return Term(term.sum, term.count, self.config.weight), figures

    @torch.no_grad()
    def remember(self, embeddings: Tensor, codes: Tensor, labels: Tensor, keys: Tensor) -> None:
        """The newest push the oldest out, in the order of their keys, which no number of ranks changes."""
        order, size = keys.argsort(), self.config.memory
        for held, new in (
            (self.memory_embeddings, embeddings),
            (self.memory_codes, codes),
            (self.memory_labels, labels),
            (self.memory_keys, keys),
        ):
            held.copy_(torch.cat([new[order].to(held.dtype), held])[:size])
