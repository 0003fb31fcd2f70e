"""What an objective found, as sums and counts: of a batch, of many, of all ranks; the loss and figures made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn

from masr.maths.on_host import number, on_host, sent
from masr.training.distributed import World
from masr.types import Batch, Losses


class Tally(NamedTuple):
    """What an objective found in a batch, as plain tensors by name: the form that wrappers for ranks see through."""

    sums: dict[str, Tensor]
    counts: dict[str, Tensor]
    weights: dict[str, float]
    beside: frozenset[str]
    """Terms that stand beside the objective's own."""
    figures: dict[str, tuple[Tensor, Tensor]]
    histograms: dict[str, Tensor]


class Tallied(nn.Module):
    """An objective whose answer is a Tally; the batch of a rank that has no utterances counts nothing."""

    def __init__(self, objective: nn.Module) -> None:
        super().__init__()
        self.objective = objective

    def forward(self, batch: Batch) -> Tally:
        """A batch -> the sums of its terms with gradient, their counts and the figures without."""
        losses: Losses = self.objective(batch)
        # The graph stays, so that this rank takes part in whatever the others do in their backward pass.
        factor = 0.0 if batch.stand_in else 1.0
        return Tally(
            {name: term.sum * factor for name, term in losses.terms.items()},
            {name: term.count.detach() * factor for name, term in losses.terms.items()},
            {name: term.weight for name, term in losses.terms.items()},
            frozenset(name for name, term in losses.terms.items() if term.beside),
            {name: (s.detach() * factor, c.detach() * factor) for name, (s, c) in losses.figures.items()},
            {name: counts.detach() * factor for name, counts in losses.histograms.items()},
        )


@dataclass(frozen=True)
class PartOfStep:
    """What a micro-batch has to know of its step for its gradient to be a part of the whole step's."""

    counts: Mapping[str, Tensor] = field(default_factory=dict)
    """Term -> () its count in all micro-batches of the step on all ranks, where that is known beforehand."""
    share: Tensor | None = None
    """() share of the step's input frames: what terms weigh by whose counts are not known. None: all of them."""


def parts_of_step(objective: nn.Module, micro_batches: Sequence[Batch], world: World) -> list[PartOfStep]:
    """One for each micro-batch: from what `objective.counts` says of a batch before it is computed, if it does."""
    if len(micro_batches) == 1:
        return [PartOfStep()]
    counts_of: Callable[[Batch], Mapping[str, float]] = getattr(objective, "counts", lambda _: {})
    counts = [counts_of(batch) for batch in micro_batches]
    real = torch.tensor([float(not batch.stand_in) for batch in micro_batches], dtype=torch.float64)
    frames = torch.stack([on_host(batch.lengths).sum() for batch in micro_batches]) * real
    names = sorted(counts[0])
    totals = torch.tensor([[found[name] for name in names] for found in counts], dtype=torch.float64) * real[:, None]
    held = sent(torch.cat([frames, totals.sum(dim=0)]), world.device)
    if world.size > 1:
        held = held.clone()
        distributed.all_reduce(held)
    frames, known = held[: len(micro_batches)], held[len(micro_batches) :]
    whole = dict(zip(names, known.float(), strict=True))
    return [PartOfStep(whole, share) for share in (frames / frames.sum().clamp(min=1)).float()]


def total_loss(tally: Tally, world: World, part: PartOfStep = PartOfStep()) -> Tensor:
    """() a micro-batch's part of the loss: the sum over terms of weight * sum / count, with counts of all ranks.

    It is scaled by the number of ranks, because gradients are averaged over ranks where we want their sum.
    """
    counts = {name: part.counts[name].clamp(min=1) for name in tally.sums if name in part.counts}
    unknown = sorted(name for name in tally.sums if name not in counts)
    if unknown:
        found = torch.stack([tally.counts[name].float() for name in unknown])
        if world.size > 1:
            distributed.all_reduce(found)
        counts |= dict(zip(unknown, found.clamp(min=1), strict=True))
    total = torch.zeros((), device=world.device)
    for name, value in tally.sums.items():
        mean = tally.weights[name] * value / counts[name]
        total = total + (mean if part.share is None or name in part.counts else mean * part.share)
    return total * world.size


@dataclass(frozen=True)
class Totals:
    """What an objective found on all ranks together, as plain numbers."""

    pairs: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Name of a term or figure -> its sum and its count."""
    histograms: Mapping[str, list[list[float]]] = field(default_factory=dict)
    """Name -> how often each code of each codebook came."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Name of a term -> its factor in the loss."""
    beside: Collection[str] = ()
    """Terms that stand beside the objective's own."""
    audio_sec: float = 0.0
    num_batches: float = 0.0

    def figures(self) -> dict[str, float]:
        """The loss, every term and figure it has a mean of, and what the histograms say.

        Where terms stand beside the objective, `objective_loss` is the loss without them.
        """
        if not self.pairs:
            return {"loss": math.nan}
        means = {name: value / count if count else 0.0 for name, (value, count) in self.pairs.items()}
        parts = {name: weight * means[name] for name, weight in self.weights.items() if name in means}
        own = {"objective_loss": sum(v for n, v in parts.items() if n not in self.beside)} if self.beside else {}
        return {"loss": sum(parts.values()), **own, **means, **self.usage()}

    def usage(self) -> dict[str, float]:
        """Figures of how codes are used, means over codebooks: how many are used, entropy, perplexity and chance.

        Chance is given where a code is guessed at: the share of the commonest code, which guessing it everywhere gets.
        """
        figures: dict[str, float] = {}
        for name, rows in self.histograms.items():
            counts = torch.tensor(rows, dtype=torch.float64)
            shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
            entropy = torch.special.entr(shares).sum(dim=1)
            if f"predicted_{name}" in self.histograms:
                figures[f"{name}_chance"] = float(shares.amax(dim=1).mean())
            figures[f"{name}s_used"] = float((counts > 0).double().sum(dim=1).mean())
            figures[f"{name}_entropy"] = float(entropy.mean())
            figures[f"{name}_perplexity"] = float(entropy.exp().mean())
        return figures


class Sums:
    """Terms, figures and histograms, on the device until they are asked for."""

    def __init__(self) -> None:
        self.counted: Tensor | None = None
        """(2,) batches that were added and seconds of audio."""
        self.values: dict[str, Tensor] = {}
        self.histograms: dict[str, Tensor] = {}
        self.weights: dict[str, float] = {}
        self.beside: frozenset[str] = frozenset()

    @torch.no_grad()
    def add(self, tally: Tally, audio_sec: float = 0.0) -> None:
        """Adds what one micro-batch of so many seconds gave."""
        like = next(iter(tally.counts.values())).double()
        self._count(torch.stack([number(like, 1.0), number(like, audio_sec)]))
        terms = {name: (value.detach(), tally.counts[name]) for name, value in tally.sums.items()}
        self.weights.update(tally.weights)
        self.beside |= tally.beside
        _accumulate(self.values, {n: torch.stack(pair).double() for n, pair in {**terms, **tally.figures}.items()})
        _accumulate(self.histograms, {name: counts.double() for name, counts in tally.histograms.items()})

    def merge(self, other: Sums) -> None:
        """Adds what a whole step gave."""
        self.weights.update(other.weights)
        self.beside |= other.beside
        if other.counted is not None:
            self._count(other.counted)
        _accumulate(self.values, other.values)
        _accumulate(self.histograms, other.histograms)

    @torch.no_grad()
    def where(self, used: Tensor) -> Sums:
        """The same where the step was used, () true, and nothing of it where it was not."""
        found = Sums()
        found.weights, found.beside = self.weights, self.beside
        found.counted = None if self.counted is None else self.counted.where(used, 0.0)
        found.values = {name: value.where(used, 0.0) for name, value in self.values.items()}
        found.histograms = {name: counts.where(used, 0.0) for name, counts in self.histograms.items()}
        return found

    def packed(self, world: World) -> Packed | None:
        """All sums of all ranks in one tensor on the device; None of nothing. Every rank asks at the same time."""
        if self.counted is None:
            return None
        # Ranks add numbers up place by place, and need not have met the names in the same order.
        names, tables = sorted(self.values), {name: self.histograms[name] for name in sorted(self.histograms)}
        pairs = [torch.stack([self.values[name] for name in names]).flatten()] if names else []
        flat = torch.cat([self.counted, *pairs, *(counts.flatten() for counts in tables.values())])
        if world.size > 1:
            distributed.all_reduce(flat)
        shapes = {name: (counts.shape[0], counts.shape[1]) for name, counts in tables.items()}
        return Packed(flat, tuple(self.values), shapes, dict(self.weights), sorted(self.beside))

    def over_ranks(self, world: World) -> Totals:
        """The sums of all ranks together, as numbers; every rank has to ask at the same time."""
        packed = self.packed(world)
        return Totals() if packed is None else packed.totals(packed.flat.tolist())

    def restore(self, totals: Totals, world: World) -> None:
        """Goes on from the totals of all ranks: the first rank holds them, the others zeros under the same names."""
        share = float(world.is_first)

        def held(numbers: Any) -> Tensor:
            return sent(torch.tensor(numbers, dtype=torch.float64) * share, world.device)

        self.counted = held([totals.num_batches, totals.audio_sec])
        self.weights, self.beside = dict(totals.weights), frozenset(totals.beside)
        self.values = {name: held(pair) for name, pair in totals.pairs.items()}
        self.histograms = {name: held(rows) for name, rows in totals.histograms.items()}

    def _count(self, new: Tensor) -> None:
        self.counted = new if self.counted is None else self.counted + new


@dataclass(frozen=True)
class Packed:
    """Sums on the device, and what the numbers in them are."""

    flat: Tensor
    """(N,) batches and seconds, then a sum and a count for each name by the alphabet, then the histograms."""
    names: tuple[str, ...]
    shapes: Mapping[str, tuple[int, int]]
    weights: Mapping[str, float]
    beside: Collection[str]

    def totals(self, numbers: Sequence[float]) -> Totals:
        """What the numbers of `flat` say; nothing where no batch was used."""
        num_batches, audio_sec, *rest = numbers
        if not num_batches:
            return Totals()
        places = {name: 2 * n for n, name in enumerate(sorted(self.names))}
        pairs = {name: (rest[places[name]], rest[places[name] + 1]) for name in self.names}
        tables, start = {}, 2 * len(self.names)
        for name, (books, codes) in self.shapes.items():
            tables[name] = [rest[at : at + codes] for at in range(start, start + books * codes, codes)]
            start += books * codes
        return Totals(pairs, tables, self.weights, self.beside, audio_sec, num_batches)


def _accumulate(held: dict[str, Tensor], new: Mapping[str, Tensor]) -> None:
    for name, value in new.items():
        held[name] = held[name] + value if name in held else value
