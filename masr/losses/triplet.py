"""Hard triplets from a batch: which positive and which negative each anchor is compared with, and the loss on them.

The six mining rules of docs/masr.md, on unit vectors. Candidates are searched block by block without gradient, so that
memory stays at one block of rows; the gradient runs through the chosen pairs alone.

Shapes: A anchors, N candidates (the anchors are some of them), E width of an embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from masr.config import option
from masr.maths.keyed_random import pairs
from masr.maths.on_host import number
from masr.maths.products import product
from masr.types import Term

_BLOCK_ELEMENTS = 1 << 18
"""A block of cosines stays in a core's cache."""


@dataclass(frozen=True)
class Config:
    """What is mined, and what is done with it."""

    mining: Literal["label", "similarity", "threshold", "margin", "weight", "concat"] = option(
        "similarity", "which positive and negative an anchor gets; see docs/masr.md"
    )
    margin: float = option(0.3, "how much farther than the positive the negative has to be")
    distance: Literal["squared", "cosine"] = option("squared", "squared Euclidean on unit vectors, or 1 - cosine")
    loss: Literal["hinge", "soft", "contrastive"] = option(
        "soft",
        "max(0, margin + Dp - Dn); its softplus; or supervised contrastive: every positive against every candidate, "
        "with nothing mined",
    )
    sharpness: float = option(5.0, "of the softplus: the larger, the nearer to the hinge")
    temperature: float = option(0.1, "of the contrastive loss")
    high: float = option(0.9, "threshold mining: positives have at least this similarity")
    low: float = option(0.6, "threshold mining: negatives have at most this similarity")
    across: tuple[str, ...] = option(
        (),
        "other streams, such as [spk, channel], in whose labels a positive has to differ; a negative shares them where "
        "one does",
    )
    without_across: Literal["fall_back", "leave_out"] = option(
        "fall_back", "an anchor that has no positive across takes any, or takes no part"
    )
    semi_hard: bool = option(False, "take the nearest negative that is farther than the positive, where there is one")

    def __post_init__(self) -> None:
        if self.margin < 0:
            raise ValueError(f"margin must not be negative, and is {self.margin}")
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if self.sharpness <= 0 or self.temperature <= 0:
            raise ValueError("sharpness and temperature must be above 0")
        if self.loss == "contrastive" and self.mining not in ("label", "threshold", "concat"):
            raise ValueError(
                "the contrastive loss takes all positives and negatives of a rule that tells them apart: mining: "
                f"label, threshold or concat, not {self.mining}"
            )


@dataclass(frozen=True)
class Candidates:
    """Everything an anchor can be compared with."""

    embeddings: Tensor
    """(N, E) of unit length."""
    labels: Tensor
    """(N,) int64, -1 where the label is missing: such a sample takes no part."""
    similarity: Callable[[slice], Tensor]
    """Rows of candidates -> (rows, N) similarity of their metadata in [0, 1], NaN where missing."""
    keys: Tensor
    """(N,) int64, for random mining."""
    others: tuple[Tensor, ...] = ()
    """(N,) int64 each: labels of the streams of `across`, -1 where missing."""


@dataclass(frozen=True)
class Triplets:
    """Chosen triplets as places among the candidates, (A,) each."""

    anchors: Tensor
    positives: Tensor
    negatives: Tensor
    negative_similarity: Tensor
    """(A,) metadata similarity of anchor and negative."""
    unknown: tuple[Tensor, Tensor]
    """How many pairs of two labelled samples were left out because their similarity is not known, and of how many."""
    across: tuple[Tensor, Tensor] | None = None
    """How many anchors have a positive across, and of how many that have one."""
    kept: Tensor | None = None
    """(A,) anchors that have both a positive and a negative; the others' places mean nothing. None: all of them."""


@torch.no_grad()
def mine(candidates: Candidates, anchors: slice, config: Config, hardness: float, purpose: int) -> Triplets:
    """One triplet for each anchor, `kept` where it has both kinds.

    `hardness` runs from 0 (random pairs) to 1 (the hardest).
    """
    embeddings = candidates.embeddings
    total = len(embeddings)
    size = max(1, _BLOCK_ELEMENTS // total) if not embeddings.is_cuda else 4096
    found = []
    for start in range(anchors.start, anchors.stop, size):
        rows = slice(start, min(start + size, anchors.stop))
        found.append(_mine_rows(candidates, rows, config, hardness, purpose))
    if not found:
        nothing, none = torch.empty(0, dtype=torch.int64, device=embeddings.device), embeddings.new_zeros(())
        return Triplets(nothing, nothing, nothing, embeddings.new_empty(0), (none, none))
    columns = [list(column) for column in zip(*found, strict=True)]
    places, positives, negatives, similarity, kept = (torch.cat(column) for column in columns[:5])
    absent, looked_up, across, anchored = (torch.stack(column).sum() for column in columns[5:])
    return Triplets(places, positives, negatives, similarity, (absent, looked_up), (across, anchored), kept)


def _mine_rows(
    candidates: Candidates, rows: slice, config: Config, hardness: float, purpose: int
) -> tuple[Tensor, ...]:
    nearness = product(candidates.embeddings[rows], candidates.embeddings)
    if hardness < 1:
        noise = pairs(candidates.keys[rows], candidates.keys, purpose).to(nearness.dtype)
        nearness.mul_(hardness).add_(noise, alpha=2 * (1 - hardness))
    similarity = candidates.similarity(rows).to(nearness.dtype) if needs_similarity(config) else None
    unknown = _unknown_pairs(candidates, rows, similarity, nearness)
    if similarity is not None and config.mining == "similarity":
        best, positives, worst, negatives, across = _by_gap(candidates, nearness, similarity, rows, config)
    else:
        positive, negative = _kinds(candidates, rows, config, similarity)
        positive, negative, across = _across(candidates, rows, config, positive, negative)
        best, positives = torch.where(positive, nearness, torch.inf).min(dim=1)
        near = torch.where(negative, nearness, -torch.inf)
        worst, negatives = near.max(dim=1)
        if config.semi_hard:
            behind = near.masked_fill(near >= best[:, None], -torch.inf).max(dim=1)
            negatives = torch.where(behind.values.isfinite(), behind.indices, negatives)
    keep = best.isfinite() & worst.isfinite()
    chosen = nearness.new_zeros(len(keep))
    if similarity is not None:
        chosen = similarity.gather(1, negatives[:, None])[:, 0]
        if config.mining == "similarity":
            keep &= similarity.gather(1, positives[:, None])[:, 0] > chosen
    places = torch.arange(rows.start, rows.stop, device=keep.device)
    return places, positives, negatives, chosen, keep, *unknown, *across


def _unknown_pairs(
    candidates: Candidates, rows: slice, similarity: Tensor | None, like: Tensor
) -> tuple[Tensor, Tensor]:
    """How many pairs of two labelled samples have no similarity, and how many such pairs there are."""
    labelled = candidates.labels >= 0
    count = labelled[rows].sum() * labelled.sum()
    if similarity is None:
        return like.new_zeros(()), count.to(like.dtype)
    absent = similarity.isnan() & labelled[rows, None] & labelled
    return absent.sum().to(like.dtype), count.to(like.dtype)


def _by_gap(
    candidates: Candidates, nearness: Tensor, similarity: Tensor, rows: slice, config: Config
) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
    """The general form: the metadata say near and the embeddings far, or the reverse, by the widest gap."""
    gap = similarity - (nearness + 1) / 2
    known = ~gap.isnan()
    known[:, rows].fill_diagonal_(False)
    positive, negative, across = known, known, (nearness.new_zeros(()), nearness.new_zeros(()))
    if config.across:
        positive, negative, across = _across(candidates, rows, config, known, known)
    best, positives = gap.masked_fill(~positive, -torch.inf).max(dim=1)
    worst, negatives = gap.masked_fill(~negative, torch.inf).min(dim=1)
    return best, positives, worst, negatives, across


def _across(
    candidates: Candidates, rows: slice, config: Config, positive: Tensor, negative: Tensor
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Positives that differ in the labels of `across`, negatives that share them where one does; (anchors with such a
    positive, anchors with any).

    A label that is missing is neither the same nor another. A negative that shares has another label of the stream
    itself, also where the rule would take any.
    """
    none = candidates.embeddings.new_zeros(())
    if not config.across:
        return positive, negative, (none, none)
    differs, shares = torch.ones_like(positive), candidates.labels[rows, None] != candidates.labels
    for labels in candidates.others:
        known = (labels[rows, None] >= 0) & (labels >= 0)
        same = labels[rows, None] == labels
        differs &= known & ~same
        shares &= known & same
    had = positive.any(dim=1)
    crossing, sharing = positive & differs, negative & shares
    crosses, has_shared = crossing.any(dim=1, keepdim=True), sharing.any(dim=1, keepdim=True)
    if config.without_across == "fall_back":
        crossing = torch.where(crosses, crossing, positive)
    negative = torch.where(has_shared, sharing, negative)
    return crossing, negative, ((crosses[:, 0] & had).sum().to(none.dtype), had.sum().to(none.dtype))


def needs_similarity(config: Config) -> bool:
    """Whether the rule asks how alike two labels are, and not only whether they are the same."""
    return config.mining in ("similarity", "threshold", "margin", "weight")


def _kinds(candidates: Candidates, rows: slice, config: Config, similarity: Tensor | None) -> tuple[Tensor, Tensor]:
    """(rows, N) which candidates are positives of each row, and which negatives."""
    labels = candidates.labels
    if config.mining == "threshold" and similarity is not None:
        positive, negative = similarity >= config.high, similarity <= config.low
    else:
        positive = labels[rows, None] == labels
        negative = ~positive
        missing = labels < 0
        if not missing.is_cpu or bool(missing.any()):
            known = ~(missing[rows, None] | missing)
            positive &= known
            negative &= known
        if similarity is not None:  # a negative whose likeness is not known has no margin and no weight
            negative &= ~similarity.isnan()
    positive[:, rows].fill_diagonal_(False)
    return positive, negative


def triplet_loss(
    embeddings: Tensor, triplets: Triplets, config: Config
) -> tuple[Term, dict[str, tuple[Tensor, Tensor]]]:
    """(N, E) unit embeddings with gradient -> mean loss over triplets; figures that show a collapse when it begins."""
    anchors = embeddings[triplets.anchors]
    nearer = (anchors * embeddings[triplets.positives]).sum(dim=1)
    farther = (anchors * embeddings[triplets.negatives]).sum(dim=1)
    factor = 2.0 if config.distance == "squared" else 1.0
    to_positive, to_negative = factor * (1 - nearer), factor * (1 - farther)
    margin: float | Tensor = config.margin
    kept = triplets.anchors >= 0 if triplets.kept is None else triplets.kept
    likeness = triplets.negative_similarity.masked_fill(~kept, 0.0)
    if config.mining == "margin":
        margin = config.margin * (1 - likeness)
    excess = to_positive - to_negative + margin
    if config.loss == "hinge":
        losses = excess.clamp(min=0)
    else:
        losses = functional.softplus(excess * config.sharpness) / config.sharpness
    if config.mining == "weight":
        losses = losses * likeness
    count = kept.sum().to(losses.dtype)

    def total(values: Tensor) -> Tensor:
        return torch.where(kept, values, 0.0).sum()

    with torch.no_grad():
        figures = {
            "positive_distance": (total(to_positive.detach()), count),
            "negative_distance": (total(to_negative.detach()), count),
            "active_share": (total((excess > 0).float()), count),
            "spread": mean_distance(embeddings.detach(), factor),
            "unknown_pairs": triplets.unknown,
        }
        if config.across and triplets.across is not None:
            figures["across_share"] = triplets.across
    return Term(total(losses), count), figures


def contrastive_loss(
    candidates: Candidates, embeddings: Tensor, anchors: slice, config: Config
) -> tuple[Term, dict[str, tuple[Tensor, Tensor]]]:
    """(N, E) unit embeddings with gradient -> mean over anchors of the supervised contrastive loss (2004.11362).

    Of each anchor: the mean over its positives of -log of their share among all positives and negatives, where a
    sample is weighed by exp(cosine / temperature). Anchors without a positive or a negative take no part.
    """
    cosines = embeddings[anchors] @ embeddings.t()
    similarity = candidates.similarity(anchors).to(cosines.dtype) if needs_similarity(config) else None
    positive, negative = _kinds(candidates, anchors, config, similarity)
    positive, negative, across = _across(candidates, anchors, config, positive, negative)
    has_both = positive.any(dim=1) & negative.any(dim=1)
    others = positive | negative | ~has_both[:, None]  # a row without any would have a gradient of NaN
    total = (cosines / config.temperature).masked_fill(~others, -torch.inf).logsumexp(dim=1)
    num_positive = positive.sum(dim=1).clamp(min=1)
    near = (cosines * positive).sum(dim=1) / num_positive
    losses = torch.where(has_both, total - near / config.temperature, 0.0)
    count = has_both.sum().to(losses.dtype)
    factor = 2.0 if config.distance == "squared" else 1.0
    with torch.no_grad():
        far = (cosines * negative).sum(dim=1) / negative.sum(dim=1).clamp(min=1)
        unknown = _unknown_pairs(candidates, anchors, similarity, cosines)
        figures = {
            "positive_distance": (factor * ((1 - near.detach()) * has_both).sum(), count),
            "negative_distance": (factor * ((1 - far.detach()) * has_both).sum(), count),
            "spread": mean_distance(embeddings.detach(), factor),
            "unknown_pairs": unknown,
        }
        if config.across:
            figures["across_share"] = across
    return Term(losses.sum(), count), figures


def mean_distance(embeddings: Tensor, factor: float = 2.0) -> tuple[Tensor, Tensor]:
    """Mean distance of two samples of the batch: near 0 when all have shrunk to a point."""
    one = number(embeddings, 1.0)
    return factor * (1 - embeddings.mean(dim=0).square().sum()), one
