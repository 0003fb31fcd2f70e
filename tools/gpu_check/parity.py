"""Every objective on the device against the CPU: the loss, the gradient, and going on after it was saved."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gpu_check.built import batch_of, move, run_of, small_config, small_objective
from gpu_check.sizes import Size
from masr.plugins import names
from masr.training.distributed import World
from masr.training.loop import settle
from masr.training.resume import resume, save_state
from masr.training.sums import Tallied, total_loss

LENGTHS = (118, 75, 40, 97)
CLOSE, CLOSE_GRADIENT = 1e-4, 1e-3


def check(device: torch.device, size: Size, scratch: Path) -> dict[str, Any]:  # noqa: ARG001
    """By objective: how far loss and gradient are apart, and whether a resumed run ends with the same weights."""
    objectives = (*names("objectives"), "masr")
    found = {name: _of_one(name, device, scratch / name) for name in objectives}
    return {"objectives": found, "wrong": [name for name, one in found.items() if not one["right"]]}


def _of_one(name: str, device: torch.device, scratch: Path) -> dict[str, Any]:
    loss, gradient = _step(small_objective(name, torch.device("cpu")), torch.device("cpu"))
    theirs, their_gradient = _step(small_objective(name, device), device)
    apart = abs(theirs - loss) / max(1.0, abs(loss))
    turned = float((their_gradient - gradient).norm() / gradient.norm().clamp(min=1e-12))
    resumed = _resumes(name, device, scratch)
    return {
        "loss": loss,
        "loss_apart": apart,
        "gradient_apart": turned,
        "resumed_apart": resumed,
        "right": apart < CLOSE and turned < CLOSE_GRADIENT and resumed == 0,
    }


def _step(objective: nn.Module, device: torch.device) -> tuple[float, Tensor]:
    """The loss of a batch, and the gradient of all weights in a row."""
    torch.manual_seed(1)
    batch = batch_of(torch.tensor(LENGTHS), objective.encoder, device)
    loss = total_loss(Tallied(objective.train())(batch), World(device=device))
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach()), torch.cat(
        [p.grad.flatten().cpu() for p in objective.parameters() if p.grad is not None]
    )


def _resumes(name: str, device: torch.device, scratch: Path) -> float:
    """Four steps at once, and two saved and two more by another run: the largest difference of any weight."""
    objective, config = small_objective(name, device), small_config()
    begun = copy.deepcopy(objective)
    whole = run_of(config, objective, scratch / "whole", device)
    batches = [batch_of(torch.tensor(LENGTHS), objective.encoder, device, seed=step) for step in range(4)]
    for step in range(4):
        move(whole, batches[step], step)
    first = run_of(config, copy.deepcopy(begun), scratch / "halves", device)
    for step in range(2):
        move(first, batches[step], step)
    settle(first)
    save_state(first, 2, None)
    first.saving.wait()
    second = run_of(config, begun, scratch / "halves", device)
    for step in range(resume(second), 4):
        move(second, batches[step], step)
    pairs = zip(objective.state_dict().values(), second.objective.state_dict().values(), strict=True)
    return max(float((a.double() - b.double()).abs().max()) for a, b in pairs if a.numel())
