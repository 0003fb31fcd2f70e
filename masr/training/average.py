"""A running average of the weights (EMA): what is validated and saved in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from masr.io.checkpoint import Group
from masr.training.distributed import fill, local

_AT_ONCE = 1 << 25
"""Numbers that are moved together."""


class Average:
    """One average for each parameter that is trained when the run begins; some of them may rest for a while later.

    The decay rises as min(decay, (1 + n) / (10 + n)) with n updates, so that the first, random weights are soon
    forgotten whatever the decay.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay = model, decay
        self.values = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
        self.updates = local(next(iter(self.values.values()))).new_zeros((), dtype=torch.float64)

    @property
    def num_updates(self) -> int:
        """Steps that moved the average; waits for the device."""
        return int(self.updates)

    @torch.no_grad()
    def follow(self, used: Tensor | None = None) -> None:
        """Moves the average a step towards the weights as they are now, unless the step, (), was not `used`."""
        used = torch.ones_like(self.updates, dtype=torch.bool) if used is None else used
        self.updates += used
        decay = ((1 + self.updates) / (10 + self.updates)).clamp(max=self.decay)
        share = torch.where(used, 1 - decay, 0.0).float()
        held = [local(value) for value in self.values.values()]
        new = [local(self.model.get_parameter(name).detach()) for name in self.values]
        for some in _pieces(held):  # the way from one to the other needs memory of its own
            way = torch._foreach_sub(new[some], held[some])
            torch._foreach_mul_(way, share)
            torch._foreach_add_(held[some], way)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model computes with the average, for as long as the block runs."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def load(self, stored: Group, num_updates: int) -> None:
        """Goes on from the saved averages of `num_updates` updates."""
        self.updates.fill_(num_updates)
        for name, held in self.values.items():
            fill(held, stored, name)

    @torch.no_grad()
    def _swap(self) -> None:
        for name, value in self.values.items():
            mine, theirs = local(value), local(self.model.get_parameter(name).detach())
            kept = mine.clone()
            mine.copy_(theirs)
            theirs.copy_(kept)


def _pieces(tensors: Sequence[Tensor]) -> Iterator[slice]:
    """Slices of a row of tensors, each of few numbers or of one tensor."""
    start, size = 0, 0
    for place, tensor in enumerate(tensors):
        if place > start and size + tensor.numel() > _AT_ONCE:
            yield slice(start, place)
            start, size = place, 0
        size += tensor.numel()
    yield slice(start, len(tensors))
