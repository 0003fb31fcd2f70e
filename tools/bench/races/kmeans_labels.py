"""The nearest of 500 centres for 100,000 frames of width 768."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

FRAMES, WIDTH, CLUSTERS = 100_000, 768, 500


@cache
def given() -> tuple[Any, Any]:
    import torch

    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    centres = random.standard_normal((CLUSTERS, WIDTH), dtype=np.float32)
    labels = random.integers(0, CLUSTERS, FRAMES)
    return centres[labels] + 2 * random.standard_normal((FRAMES, WIDTH), dtype=np.float32), centres


def of_ours(halves: bool | None = None) -> Any:
    import torch

    from masr.maths.kmeans import KMeans

    frames, centres = given()
    return KMeans(torch.from_numpy(centres), halves).labels(torch.from_numpy(frames)).numpy()


def of_faiss() -> Any:
    import faiss

    faiss.omp_set_num_threads(1)
    frames, centres = given()
    index = faiss.IndexFlatL2(WIDTH)
    index.add(centres)
    return index.search(frames, 1)[1][:, 0]


def of_sklearn() -> Any:
    from sklearn.metrics import pairwise_distances_argmin

    return pairwise_distances_argmin(*given())


def turn_of(work: Any) -> Turn:
    given()

    def turn() -> float:
        work()
        return float(FRAMES)

    return turn


def faiss_turn() -> Turn:
    import faiss  # noqa: F401 (named as missing where it is)

    return turn_of(of_faiss)


def check() -> str:
    """Both of ours against float64."""
    frames, centres = (side.astype(np.float64) for side in given())
    exact = (np.square(centres).sum(axis=1) - 2 * frames @ centres.T).argmin(axis=1)
    for halves in (None, False, True):
        if not np.array_equal(of_ours(halves), exact):
            raise RuntimeError(f"{int((of_ours(halves) != exact).sum())} labels differ")
    return "the labels of float64, in float32 and in bfloat16"


def race() -> Race:
    runners = [
        Runner("masr", lambda: turn_of(of_ours)),
        Runner("masr, float32 alone", lambda: turn_of(lambda: of_ours(False))),
        Runner("faiss-cpu", faiss_turn, 1.7),
        Runner("scikit-learn", lambda: turn_of(of_sklearn), 1.7),
    ]
    return Race("Nearest of 500 centres, 100,000 x 768", "frames", runners, check)
