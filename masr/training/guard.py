"""Steps that must not move the weights: what is not finite, and what explodes.

The device judges and holds back the weights by itself; the host hears of it a step later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from masr.errors import TrainingError
from masr.maths.on_host import sent

_SETTLED = 100
"""Good steps before a loss or gradient can count as exploding: it has to be known what is usual."""
_PACE = 0.02
_NAMES = ("loss", "gradient")


class Guard:
    """Judges steps by numbers that all ranks share, so that they agree."""

    def __init__(self, max_bad_steps: int, explode_factor: float, device: torch.device | None = None) -> None:
        self.max_bad_steps, self.explode_factor = max_bad_steps, explode_factor
        self.known = torch.zeros(4, dtype=torch.float64, device=device)
        """Bad steps in a row, good steps in all, and what is usual for the loss and for the gradient's length."""

    @property
    def num_bad(self) -> int:
        """Bad steps in a row."""
        return int(self.known[0])

    @property
    def num_good(self) -> int:
        """Good steps in all."""
        return int(self.known[1])

    @torch.no_grad()
    def judge(self, loss: Tensor, norm: Tensor) -> tuple[Tensor, Tensor]:
        """() loss and () length of the gradient -> () whether the weights may move, and (6,) for `tell`."""
        found = torch.stack([loss, norm]).double()
        (num_bad, num_good), usual = self.known[:2].clone(), self.known[2:].clone()
        limits = self.explode_factor * usual
        over = (limits > 0) & (found.abs() > limits) & (num_good >= _SETTLED)
        wrong = torch.cat([~found.isfinite(), over])
        first = (wrong.cumsum(0) == 0).sum()  # of what is wrong; as many as there are where nothing is
        fine = first == len(wrong)
        num_bad, num_good = torch.where(fine, 0.0, num_bad + 1), num_good + fine
        pace = torch.where(num_good == 1, torch.ones_like(found), torch.full_like(found, _PACE))
        followed = torch.where(fine, usual + pace * (found.abs() - usual), usual)
        self.known.copy_(torch.cat([torch.stack([num_bad, num_good]), followed]))
        return fine, torch.cat([torch.stack([first.double(), num_bad]), found, usual])

    def tell(self, report: Sequence[float], step: int) -> str:
        """What `judge` gave, as numbers -> why the weights did not move in this step; empty where they did.

        TrainingError after too many in a row.
        """
        first, num_bad, found, usual = int(report[0]), int(report[1]), report[2:4], report[4:6]
        if first == 2 * len(_NAMES):
            return ""
        name, place = _NAMES[first % len(_NAMES)], first % len(_NAMES)
        reason = f"the {name} is not finite"
        if first >= len(_NAMES):
            reason = f"the {name} is {found[place]:.3g} where {usual[place]:.3g} is usual"
        if num_bad >= self.max_bad_steps:
            raise TrainingError(
                f"{num_bad} steps in a row, up to step {step + 1}, were not used: {reason}",
                why="the learning rate is too high for this model, or the input holds values that are not finite",
                fix="lower optim.peak_lr or raise optim.warmup_steps; the last checkpoint is from before the trouble",
            )
        return reason

    def state(self) -> dict[str, Any]:
        """The counts and running means that a resumed run has to know."""
        num_bad, num_good, *usual = self.known.tolist()
        return {"num_bad": int(num_bad), "num_good": int(num_good), "usual": dict(zip(_NAMES, usual, strict=True))}

    def resume(self, state: dict[str, Any]) -> None:
        """Goes on from `state`."""
        numbers = [state["num_bad"], state["num_good"], *(state["usual"][name] for name in _NAMES)]
        self.known = sent(torch.tensor(numbers, dtype=torch.float64), self.known.device).clone()


class Buffers:
    """A copy of the model's buffers (statistics, memories), to take back what an unused step wrote into them."""

    @torch.no_grad()
    def __init__(self, model: nn.Module) -> None:
        self.held: list[tuple[Tensor, Tensor]] = [(buffer, buffer.clone()) for buffer in model.buffers()]

    @torch.no_grad()
    def restore(self, unless: Tensor | None = None) -> None:
        """Puts the buffers back to what they were; `unless`, (), is true where they may stay."""
        for buffer, before in self.held:
            buffer.copy_(before if unless is None else torch.where(unless, buffer, before))
