"""What an objective makes of the validation data once training is over, under the weights that stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from masr.io.checkpoint import Group
from masr.io.layout import MODEL
from masr.io.weights import write_weights
from masr.training.distributed import summed, together, whole
from masr.training.resume import load_model
from masr.training.run import Run
from masr.types import Batch


@torch.no_grad()
def calibrate(run: Run) -> None:
    """Lets every part of the objective that has `calibrate(batches, total)` fit the validation data, and saves it.

    `total` adds a number up over all ranks; what comes back are the figures that are said of it.
    """
    found: list[Any] = [m.calibrate for m in run.objective.modules() if callable(getattr(m, "calibrate", None))]
    if not found:
        return
    with together(run.world):
        pass  # the first rank is still writing the file
    with together(run.world):
        load_model(run.objective, Group([run.folder / MODEL]))
    run.objective.eval()
    for fitted in found:
        with run.autocast():
            figures = fitted(_batches(run), lambda value: summed({"value": (value, 0.0)}, run.world)["value"][0])
        run.meters.say("calibrated on dev: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    weights = {name: whole(value.detach()).cpu() for name, value in run.objective.state_dict().items()}
    with together(run.world):
        if run.world.is_first:
            write_weights(run.folder / MODEL, weights)


def _batches(run: Run) -> Iterator[Batch]:
    for micro_batches in run.data.validation(0):
        yield from micro_batches
