"""Time and memory of work on a device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

Work = Callable[[], object]


def settled(device: torch.device) -> None:
    """Waits until the device has done all it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def milliseconds(work: Work, device: torch.device) -> float:
    """How long it takes, by the device's own events where it has them."""
    if device.type != "cuda":
        started = time.perf_counter()
        work()
        return 1000 * (time.perf_counter() - started)
    event: Any = torch.cuda.Event
    begin, end = event(enable_timing=True), event(enable_timing=True)
    begin.record()
    work()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end))


def interleaved(works: Mapping[str, Work], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Milliseconds of each in every round; all have their turn in each round, so that a slow minute is slow for all."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(milliseconds(work, device))
    return found


def spread(values: list[float]) -> dict[str, float]:
    """Least, median and most."""
    return {"least": min(values), "median": statistics.median(values), "most": max(values)}


def peak_gib(work: Work, device: torch.device) -> float | None:
    """The most memory of the device while it works; None on a CPU."""
    if device.type != "cuda":
        work()
        return None
    settled(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    settled(device)
    return torch.cuda.max_memory_allocated(device) / 2**30
