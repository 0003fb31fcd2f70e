"""How long a training stands still while it saves, how long until it is saved, and how long it takes to go on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from gpu_check.built import batch_of, configured, lengths_of, move, objective_of, run_of
from gpu_check.clock import settled
from gpu_check.sizes import Size
from masr.training.loop import settle
from masr.training.resume import resume, save_state


def check(device: torch.device, size: Size, scratch: Path) -> dict[str, Any]:
    """Seconds of one step, of the copy that a checkpoint is written from, of saving and of reading it; its bytes."""
    config = configured(f"best_rq_{size.suffix}", "training.precision=bfloat16")
    objective = objective_of(config, device)
    run = run_of(config, objective, scratch, device)
    batch = batch_of(lengths_of(size.batch_sec / 8, size.longest_sec), objective.encoder, device)
    move(run, batch, 0)
    settled(device)

    def save() -> None:
        settle(run)
        save_state(run, 2, None)

    took = {}
    for name, work in (
        ("step", lambda: move(run, batch, 1)),
        ("first_copy", save),  # its memory is pinned on the way
        ("first_save", run.saving.wait),
        ("copy", save),
        ("save", run.saving.wait),
        ("resume", lambda: resume(run)),
    ):
        started = time.perf_counter()
        work()
        settled(device)
        took[name] = time.perf_counter() - started
    num_bytes = sum(path.stat().st_size for path in scratch.rglob("*.safetensors"))
    return {"saving": {**{f"{name}_sec": sec for name, sec in took.items()}, "bytes": num_bytes}}
