"""How often a training step makes the host wait for the device, as PyTorch's own guard counts it."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from gpu_check.built import batch_of, move, run_of, small_config, small_objective
from gpu_check.clock import settled
from gpu_check.parity import LENGTHS
from gpu_check.sizes import Size
from masr.plugins import names


def check(device: torch.device, size: Size, scratch: Path) -> dict[str, Any]:  # noqa: ARG001
    """By objective: waits of the third step, and the lines that wait; a CPU has nothing to wait for."""
    objectives = (*names("objectives"), "masr")
    return {"waits": {name: _of_one(name, device, scratch / name) for name in objectives}}


def _of_one(name: str, device: torch.device, scratch: Path) -> dict[str, Any]:
    objective = small_objective(name, device)
    run = run_of(small_config(), objective, scratch, device)
    batches = [batch_of(torch.tensor(LENGTHS), objective.encoder, device, seed=step) for step in range(3)]
    for step in range(2):
        move(run, batches[step], step)
    settled(device)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _guard(device, "warn")
        try:
            move(run, batches[2], 2)
        finally:
            _guard(device, "default")
    lines = Counter(f"{Path(one.filename).name}:{one.lineno}" for one in caught if "synchroniz" in str(one.message))
    return {"count": sum(lines.values()) if device.type == "cuda" else None, "lines": dict(lines)}


def _guard(device: torch.device, mode: str) -> None:
    if device.type == "cuda":
        torch.cuda.set_sync_debug_mode(mode)
