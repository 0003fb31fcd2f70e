"""What an objective makes of the validation data once training is over, under the weights that stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from masr.io import checkpoint
from masr.io.layout import MODEL
from masr.training.distributed import summed, together
from masr.training.resume import load_model, saved
from masr.training.run import Batches, Run
from masr.types import Batch


@torch.no_grad()
def conclude(run: Run, validation: Batches) -> None:
    """Calibrates whatever part of the objective asks for it by `calibrate(batches, total)`, and saves it."""
    found = [(n, m.calibrate) for n, m in run.objective.named_modules() if callable(getattr(m, "calibrate", None))]
    if not found:
        return
    from safetensors.torch import load_file

    with together(run.world):
        pass  # the first rank is still writing the file
    with together(run.world):
        load_model(run.objective, load_file(run.folder / MODEL))
    run.objective.eval()
    for _, calibrate in found:
        part: Callable[..., dict[str, float]] = calibrate
        with run.autocast():
            figures = part(_batches(validation), lambda value: _total(run, value))
        run.meters.say("calibrated on dev: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    weights = {name: saved(value) for name, value in run.objective.state_dict().items()}
    with together(run.world):
        if run.world.is_first:
            checkpoint.write_tensors(run.folder / MODEL, weights)


def _batches(validation: Batches) -> Iterator[Batch]:
    for micro_batches in validation(0):
        yield from micro_batches


def _total(run: Run, value: float) -> float:
    """Over all ranks."""
    pair: Any = summed({"value": (value, 0.0)}, run.world)["value"]
    return float(pair[0])
