"""Linear CKA of 100,000 frames of width 768 with 100,000 others: all of them at once, not a mean over batches."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

FRAMES, WIDTH, SHARED = 100_000, 768, 200
BATCH = 1024
"""Frames that the peers make a kernel of at a time."""


@cache
def pair() -> tuple[Any, Any]:
    """Two representations that share some directions, with an offset and features of unequal size."""
    import torch

    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    common = random.standard_normal((FRAMES, SHARED), dtype=np.float32)
    found = []
    for _ in range(2):
        mixed = common @ random.standard_normal((SHARED, WIDTH), dtype=np.float32) / np.float32(14)
        mixed += random.standard_normal((FRAMES, WIDTH), dtype=np.float32)
        found.append((mixed * random.uniform(0.3, 2, WIDTH) + 1).astype(np.float32))
    return found[0], found[1]


def similarity(measure: str, precision: Any = None) -> float:
    from masr.analysis.aligned import Aligned
    from masr.analysis.similarity.compare import Options, compare
    from masr.io.frames import ArrayFrames

    x, y = pair()
    aligned = Aligned([ArrayFrames("x", x), ArrayFrames("y", y)])
    return float(compare(aligned, 2, [measure], Options(precision=precision))[0].values[0, 1])


def exact() -> float:
    """In float64, all at once."""
    x, y = (z - z.mean(axis=0, dtype=np.float64) for z in pair())
    cross, own_x, own_y = x.T @ y, x.T @ x, y.T @ y
    return float(np.square(cross).sum() / np.linalg.norm(own_x) / np.linalg.norm(own_y))


def ours(precision: Any = None) -> Turn:
    pair()

    def turn() -> float:
        similarity("linear_cka", precision)
        return float(FRAMES)

    return turn


def pytorch_cka() -> Turn:
    """Unbiased estimates of batches, added up, as its CKA class does."""
    import torch
    from cka import hsic

    x, y = (torch.from_numpy(z) for z in pair())

    def turn() -> float:
        sums = torch.zeros(3)
        for start in range(0, FRAMES - BATCH + 1, BATCH):
            a, b = x[start : start + BATCH], y[start : start + BATCH]
            sums += torch.stack([z.squeeze() for z in hsic((a @ a.t())[None], (b @ b.t())[None])])
        float(sums[0] / torch.sqrt(sums[1] * sums[2]))
        return float(FRAMES)

    return turn


def torch_cka() -> Turn:
    """The same estimates by its own function."""
    import torch
    from torch_cka import CKA

    x, y = (torch.from_numpy(z) for z in pair())
    measure = CKA.__new__(CKA)
    measure.device = "cpu"

    def turn() -> float:
        sums = [0.0, 0.0, 0.0]
        for start in range(0, FRAMES - BATCH + 1, BATCH):
            kernels = []
            for z in (x, y):
                kernel = z[start : start + BATCH] @ z[start : start + BATCH].t()
                kernels.append(kernel.fill_diagonal_(0.0))
            a, b = kernels
            for k, (first, second) in enumerate([(a, b), (a, a), (b, b)]):
                sums[k] += measure._HSIC(first, second)
        return float(FRAMES)

    return turn


def check() -> str:
    expected, single, half = exact(), similarity("linear_cka"), similarity("linear_cka", "bfloat16")
    if abs(single - expected) > 1e-4 or abs(half - expected) > 1e-4:
        raise RuntimeError(f"float64 {expected}, float32 {single}, bfloat16 {half}")
    return f"float64 {expected:.6f}, float32 {single:.6f}, bfloat16 {half:.6f}"


def race() -> Race:
    runners = [
        Runner("masr, float32", ours),
        Runner("pytorch-cka, mean over batches of 1024", pytorch_cka, 1.1),
        Runner("torch-cka, mean over batches of 1024", torch_cka, 1.1),
    ]
    return Race("Linear CKA, 100,000 x 768", "frames", runners, check)
