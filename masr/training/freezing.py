"""Weights that stay as they are for a while: a new head learns before it may pull at a pre-trained encoder."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from masr.training.optim import Config, of_longest


def freeze(model: nn.Module, optimizer: torch.optim.Optimizer, config: Config, step: int, alone: bool = True) -> None:
    """What the schedule keeps frozen in `step` is the fixed function that it was: no dropout, no running statistics.

    In one process (`alone`) it asks for no gradient, so that there is no backward pass through it. Ranks that average
    gradients settled on the weights that have one before the first step; `forget` then takes the frozen ones' away.
    """
    if step > max(config.frozen.values(), default=-1):
        return
    frozen = {id(parameter) for parameter in _frozen(optimizer, step)}
    for parameter in (p for group in optimizer.param_groups for p in group["params"]):
        parameter.requires_grad_(not alone or id(parameter) not in frozen)
    for name, module in model.named_modules():
        resting = all(id(p) in frozen or not p.requires_grad for p in module.parameters())
        if resting and step < of_longest(config.frozen, f"{name}.", 0):
            module.eval()


def forget(optimizer: torch.optim.Optimizer, step: int) -> None:
    """No gradient for what is frozen: neither its length nor Adam's averages know of it."""
    for parameter in _frozen(optimizer, step):
        parameter.grad = None


def _frozen(optimizer: torch.optim.Optimizer, step: int) -> Iterator[nn.Parameter]:
    for group in optimizer.param_groups:
        if step < group["frozen_until"]:
            yield from group["params"]
