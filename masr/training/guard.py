"""Steps that must not move the weights: what is not finite, and what explodes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from masr.errors import TrainingError

_SETTLED = 100
"""Good steps before a loss or gradient can count as exploding: it has to be known what is usual."""
_PACE = 0.02


class Guard:
    """Judges steps by numbers that all ranks share, so that they agree."""

    def __init__(self, max_bad_steps: int, explode_factor: float) -> None:
        self.max_bad_steps, self.explode_factor = max_bad_steps, explode_factor
        self.num_bad, self.num_good = 0, 0
        self.usual = {"loss": 0.0, "gradient": 0.0}

    def objection(self, loss: float, norm: float, step: int) -> str:
        """Why the weights may not move in this step; empty where they may. TrainingError after too many in a row."""
        found = {"loss": loss, "gradient": norm}
        reason = self._reason(found)
        if not reason:
            self.num_bad, self.num_good = 0, self.num_good + 1
            pace = 1.0 if self.num_good == 1 else _PACE
            self.usual = {name: held + pace * (abs(found[name]) - held) for name, held in self.usual.items()}
            return ""
        self.num_bad += 1
        if self.num_bad >= self.max_bad_steps:
            raise TrainingError(
                f"{self.num_bad} steps in a row, up to step {step + 1}, were not used: {reason}",
                why="the learning rate is too high for this model, or the input holds values that are not finite",
                fix="lower optim.peak_lr or raise optim.warmup_steps; the last checkpoint is from before the trouble",
            )
        return reason

    def _reason(self, found: dict[str, float]) -> str:
        for name, value in found.items():
            if not math.isfinite(value):
                return f"the {name} is not finite"
        for name, value in found.items():
            limit = self.explode_factor * self.usual[name]
            if 0 < limit < abs(value) and self.num_good >= _SETTLED:
                return f"the {name} is {value:.3g} where {self.usual[name]:.3g} is usual"
        return ""

    def state(self) -> dict[str, Any]:
        """The counts and running means that a resumed run has to know."""
        return {"num_bad": self.num_bad, "num_good": self.num_good, "usual": self.usual}

    def resume(self, state: dict[str, Any]) -> None:
        """Goes on from `state`."""
        self.num_bad, self.num_good, self.usual = state["num_bad"], state["num_good"], dict(state["usual"])


class Buffers:
    """A copy of the model's buffers (statistics, memories), to take back what an unused step wrote into them."""

    @torch.no_grad()
    def __init__(self, model: nn.Module) -> None:
        self.held: list[tuple[Tensor, Tensor]] = [(buffer, buffer.clone()) for buffer in model.buffers()]

    @torch.no_grad()
    def restore(self) -> None:
        """Puts the buffers back to what they were."""
        for buffer, before in self.held:
            buffer.copy_(before)
