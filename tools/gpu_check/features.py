"""Log-mel of a batch of waveforms, its Fourier transform in float64 and in float32, against the CPU's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from gpu_check.clock import interleaved, settled, spread
from gpu_check.sizes import Size
from masr.plugins import open_plugin

RATE = 16_000


def check(device: torch.device, size: Size, scratch: Path) -> dict[str, Any]:  # noqa: ARG001
    """By type of the transform: milliseconds, hours of speech an hour, and the largest difference from float64 here."""
    module = open_plugin("features", "log_mel")
    count = max(2, round(size.batch_sec / 10))
    waves = 0.1 * torch.randn(count, 10 * RATE, generator=torch.Generator().manual_seed(0))
    num_samples = torch.full((count,), waves.shape[1])
    exact, _ = module.build(module.Config(fft="float64"))(waves[:2], num_samples[:2])
    given, lengths = waves.to(device), num_samples.to(device)
    made = {kind: module.build(module.Config(fft=kind)).to(device) for kind in ("float64", "float32")}
    apart = {kind: float((mel(given[:2], lengths[:2])[0].cpu() - exact).abs().max()) for kind, mel in made.items()}
    settled(device)
    times = interleaved(
        {kind: lambda mel=mel: mel(given, lengths) for kind, mel in made.items()},  # type: ignore[misc]
        size.rounds,
        device,
    )
    return {
        "log_mel": {
            kind: {
                "ms": spread(ms),
                "hours_an_hour": count * 10 / (spread(ms)["median"] / 1000),
                "apart": apart[kind],
            }
            for kind, ms in times.items()
        }
    }
