"""Trainings whose outcome is the same for any number of ranks, each by a name that says what is in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from masr.io import checkpoint
from masr.training.distributed import World
from masr.training.loop import train
from small import tiny

SIZES = (1, 2, 7, 1, 3)
"""Steps with fewer utterances than ranks."""


def scenario(name: str, folder: Path, world: World) -> int:
    """Trains one way; what has to come out is the same for any number of ranks."""
    kind = next((kind for kind in ("masr", "lid", "cpc", "dinosr") if kind in name), "best_rq")
    accumulate = 2 if "accumulate" in name else 1
    read = tiny.batches(world, accumulate, sizes=SIZES if "few" in name else (6, 7, 5))
    if "poison" in name:
        read = tiny.poisoned(read, (3, 4))
    run = tiny.make_run(
        folder,
        tiny.objective(kind, checkpoint_activations="recompute" in name),
        world,
        replace(tiny.OPTIM, frozen={"encoder": 8}) if "lid" in name else tiny.OPTIM,
        max_steps=10,
        accumulate=accumulate,
        save_every=5,
        validate_every=5,
        shard="shard" in name,
        ema_decay=0.9 if "ema" in name else 0.0,
    )
    if "full_disk" in name:
        checkpoint.write_file = _refuse
    return train(tiny.with_data(run, read, tiny.validation(world), lambda: next(read(0))))


def _refuse(path: Path, tensors: object) -> None:
    raise OSError(28, "No space left on device")
