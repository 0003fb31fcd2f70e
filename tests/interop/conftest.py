"""Runs to export: one for each kind of encoder and objective, whose weights are no longer as they were drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from small.exports import CONF, MakeRun, stir


@pytest.fixture(scope="session")
def make_run(spoken: Path) -> MakeRun:
    """`make_run(encoder, objective)`: the folder of such a run; each is made once."""
    from masr.cli.main import main

    made: dict[tuple[str, str, str], Path] = {}

    def make(encoder: str, objective: str, normalise: str = "") -> Path:
        key = (encoder, objective, normalise)
        if key not in made:
            name = f"export_{len(made)}"
            source = "samples" if "waveform" in encoder or "pretrained" in encoder else "archives"
            conf = CONF.format(root=spoken, encoder=encoder, objective=objective, source=source, normalise=normalise)
            (spoken / f"{name}.yaml").write_text(conf, encoding="utf-8")
            out = spoken / "exp" / name
            assert main(["train", str(spoken / f"{name}.yaml"), str(out)]) == 0
            stir(out)
            made[key] = out
        return made[key]

    return make


@pytest.fixture(scope="session")
def voices() -> list[np.ndarray]:
    """Three waveforms of different length, with an offset and loudness of their own."""
    random = np.random.default_rng(3)
    sizes = (9_000, 12_345, 6_000)
    return [
        (
            0.05 * (n + 1) * np.sin(np.arange(size) * (0.03 + 0.02 * n))
            + 0.02 * random.standard_normal(size)
            + 0.01 * n
        ).astype(np.float32)
        for n, size in enumerate(sizes)
    ]
