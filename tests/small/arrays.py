"""Arrays of representations that are related, for analyses."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def related_arrays(folder: Path, seed: int = 0) -> dict[str, Path]:
    """Three related representations, one at half the rate, and labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat(random.integers(0, 4, 600), 5)
    common = np.eye(4)[labels] @ random.standard_normal((4, 8)) + 0.5 * random.standard_normal((3000, 8))
    made = {
        "a": common,
        "b": common @ random.standard_normal((8, 6)) + random.standard_normal((3000, 6)),
        "c": random.standard_normal((3000, 5)),
        "half": common[0::2] + common[1::2],
    }
    paths = {name: folder / f"{name}.npy" for name in [*made, "y"]}
    for name, values in made.items():
        np.save(paths[name], values.astype(np.float32))
    np.save(paths["y"], labels)
    return paths
