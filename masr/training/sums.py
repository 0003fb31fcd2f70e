"""Sums over batches and ranks, and the means, perplexities and shares of codes that are taken of them at last."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from masr.training.distributed import Tally, World, summed, summed_tables


@dataclass(frozen=True)
class Totals:
    """Of all ranks together, as plain numbers."""

    pairs: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Sum and count by name."""
    histograms: Mapping[str, list[list[float]]] = field(default_factory=dict)
    """How often each code of each codebook came, by name."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Factors of the terms in the loss."""
    beside: Collection[str] = ()
    """Terms that stand beside the objective's own."""

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
        """What the histograms say: means over codebooks.

        Where a code is guessed at, the share of the commonest is its chance: what guessing that one everywhere gets.
        """
        told: dict[str, float] = {}
        for name, rows in self.histograms.items():
            counts = torch.tensor(rows, dtype=torch.float64)
            shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
            entropy = torch.special.entr(shares).sum(dim=1)
            if f"predicted_{name}" in self.histograms:
                told[f"{name}_chance"] = float(shares.amax(dim=1).mean())
            told[f"{name}s_used"] = float((counts > 0).double().sum(dim=1).mean())
            told[f"{name}_entropy"] = float(entropy.mean())
            told[f"{name}_perplexity"] = float(entropy.exp().mean())
        return told


class Sums:
    """Terms, figures and histograms, on the device until they are asked for."""

    def __init__(self) -> None:
        self.values: dict[str, Tensor] = {}
        self.histograms: dict[str, Tensor] = {}
        self.weights: dict[str, float] = {}
        self.beside: frozenset[str] = frozenset()

    @torch.no_grad()
    def add(self, tally: Tally) -> None:
        """What one micro-batch gave."""
        terms = {name: (value.detach(), tally.counts[name]) for name, value in tally.sums.items()}
        self.weights.update(tally.weights)
        self.beside |= tally.beside
        _accumulate(self.values, {n: torch.stack(pair).double() for n, pair in {**terms, **tally.figures}.items()})
        _accumulate(self.histograms, {name: counts.double() for name, counts in tally.histograms.items()})

    def merge(self, other: Sums) -> None:
        """What a whole step gave."""
        self.weights.update(other.weights)
        self.beside |= other.beside
        _accumulate(self.values, other.values)
        _accumulate(self.histograms, other.histograms)

    def over_ranks(self, world: World) -> Totals:
        """As numbers, of all ranks together; every rank has to ask at the same time."""
        if not self.values:
            return Totals()
        table: list[list[float]] = torch.stack(list(self.values.values())).tolist()
        pairs = summed({name: (row[0], row[1]) for name, row in zip(self.values, table, strict=True)}, world)
        counts = summed_tables(self.histograms, world)
        tables = {name: rows.tolist() for name, rows in counts.items()}
        return Totals(pairs, tables, dict(self.weights), sorted(self.beside))

    def restore(self, totals: Totals, world: World) -> None:
        """Goes on from such numbers: they move to the first rank, the others keep zeros under the same names."""
        share = float(world.is_first)

        def held(numbers: Any) -> Tensor:
            return torch.tensor(numbers, dtype=torch.float64, device=world.device) * share

        self.weights, self.beside = dict(totals.weights), frozenset(totals.beside)
        self.values = {name: held(pair) for name, pair in totals.pairs.items()}
        self.histograms = {name: held(rows) for name, rows in totals.histograms.items()}


def _accumulate(held: dict[str, Tensor], new: Mapping[str, Tensor]) -> None:
    for name, value in new.items():
        held[name] = held[name] + value if name in held else value
