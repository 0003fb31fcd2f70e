"""k-means of 100,000 frames of width 768 into 500 clusters: five of Lloyd's steps from the same centres."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

FRAMES, WIDTH, CLUSTERS, STEPS = 100_000, 768, 500, 5


@cache
def frames() -> Any:
    import torch

    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    centres = random.standard_normal((2 * CLUSTERS, WIDTH), dtype=np.float32)
    labels = random.integers(0, len(centres), FRAMES)
    return centres[labels] + random.standard_normal((FRAMES, WIDTH), dtype=np.float32)


def settled(halves: bool | None = None) -> Any:
    import torch

    from masr.maths.kmeans import KMeans

    given = torch.from_numpy(frames())
    found = KMeans(given[:CLUSTERS].clone(), halves)
    found.settle(given, STEPS)
    return found.centres.numpy()


def by_faiss() -> Any:
    import faiss

    faiss.omp_set_num_threads(1)
    given = frames()
    found = faiss.Kmeans(WIDTH, CLUSTERS, niter=STEPS, max_points_per_centroid=FRAMES, verbose=False)
    found.train(given, init_centroids=given[:CLUSTERS].copy())
    return found.centroids


def by_sklearn() -> Any:
    from sklearn.cluster import KMeans

    given = frames()
    found = KMeans(CLUSTERS, init=given[:CLUSTERS].copy(), n_init=1, max_iter=STEPS, tol=0, algorithm="lloyd")
    return found.fit(given).cluster_centers_


def by_sklearn_minibatch() -> Any:
    from sklearn.cluster import MiniBatchKMeans

    given = frames()
    found = MiniBatchKMeans(
        CLUSTERS, init=given[:CLUSTERS].copy(), n_init=1, max_iter=STEPS, batch_size=10_000, max_no_improvement=None
    )
    return found.fit(given).cluster_centers_


def inertia(centres: Any) -> float:
    given, norms = frames(), np.square(centres).sum(axis=1)
    total = 0.0
    for start in range(0, FRAMES, 8192):
        rows = given[start : start + 8192]
        total += float((np.square(rows).sum(axis=1) + (norms - 2 * rows @ centres.T).min(axis=1)).sum(dtype=np.float64))
    return total / FRAMES


def turn_of(work: Any) -> Turn:
    frames()

    def turn() -> float:
        work()
        return float(FRAMES * STEPS)

    return turn


def faiss_turn() -> Turn:
    import faiss  # noqa: F401 (named as missing where it is)

    return turn_of(by_faiss)


def check() -> str:
    ours = inertia(settled())
    try:
        theirs = inertia(by_faiss())
    except ImportError:
        return f"inertia {ours:.3f}; faiss is not installed, so it was not compared"
    if ours > theirs * 1.001:
        raise RuntimeError(f"inertia {ours} and {theirs}")
    return f"inertia {ours:.3f}, faiss {theirs:.3f}"


def race() -> Race:
    runners = [
        Runner("masr", lambda: turn_of(settled)),
        Runner("masr, float32 alone", lambda: turn_of(lambda: settled(False))),
        Runner("faiss-cpu", faiss_turn, 1.0),
        Runner("scikit-learn, lloyd", lambda: turn_of(by_sklearn), 1.0),
        Runner("scikit-learn, MiniBatchKMeans", lambda: turn_of(by_sklearn_minibatch), 1.0),
    ]
    return Race("k-means, 100,000 x 768, 500 clusters, 5 steps", "frames", runners, check)
