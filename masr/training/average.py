"""A running average of the weights (EMA): what is validated and saved in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from masr.training.distributed import local, part_of


class Average:
    """One average for each parameter that is trained.

    The decay rises as min(decay, (1 + n) / (10 + n)) with n updates, so that the first, random weights are soon
    forgotten whatever the decay.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay, self.num_updates = model, decay, 0
        self.values = {name: p.detach().clone() for name, p in _trained(model)}

    @torch.no_grad()
    def follow(self) -> None:
        """Moves the average a step towards the weights as they are now."""
        self.num_updates += 1
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates))
        for name, parameter in _trained(self.model):
            local(self.values[name]).lerp_(local(parameter.detach()), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model computes with the average, for as long as the block runs."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def load(self, values: Mapping[str, Tensor], num_updates: int) -> None:
        """Goes on from the saved averages of `num_updates` updates."""
        self.num_updates = num_updates
        for name, held in self.values.items():
            local(held).copy_(local(part_of(values[name], held)))

    @torch.no_grad()
    def _swap(self) -> None:
        for name, parameter in _trained(self.model):
            mine, theirs = local(self.values[name]), local(parameter.detach())
            kept = mine.clone()
            mine.copy_(theirs)
            theirs.copy_(kept)


def _trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, p) for name, p in model.named_parameters() if p.requires_grad)
