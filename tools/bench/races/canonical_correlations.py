"""CCA, SVCCA and PWCCA of 20,000 frames of width 256, against QR and SVD of the frames themselves.

MASR_RACE_FRAMES=40000 MASR_RACE_WIDTH=768 races the size of `cca`, where the peers' decompositions take
a minute a turn.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

FRAMES = int(os.environ.get("MASR_RACE_FRAMES", "20000"))
WIDTH = int(os.environ.get("MASR_RACE_WIDTH", "256"))
SHARED = 100


@cache
def pair() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    common = random.standard_normal((FRAMES, SHARED), dtype=np.float32)
    found = []
    for _ in range(2):
        mixed = common @ random.standard_normal((SHARED, WIDTH), dtype=np.float32) / np.float32(10)
        found.append(mixed + random.standard_normal((FRAMES, WIDTH), dtype=np.float32) + 1)
    return found[0], found[1]


def moments() -> Any:
    from masr.analysis.aligned import Aligned
    from masr.analysis.similarity.second_moments import gather
    from masr.io.frames import ArrayFrames

    aligned = Aligned([ArrayFrames("x", pair()[0]), ArrayFrames("y", pair()[1])])
    return gather(aligned, ["x", "y"], [(0, 1)], "float64")[0]


def ours_of(measure: str) -> float:
    from masr.analysis.similarity import cca

    return float(getattr(cca, measure)(moments()))


def centred() -> list[Any]:
    return [z - z.mean(axis=0, dtype=np.float64) for z in pair()]


def by_qr() -> float:
    x, y = (np.linalg.qr(z)[0] for z in centred())
    return float(np.linalg.svd(x.T @ y, compute_uv=False).mean())


def projection_weighted() -> float:
    x, y = centred()
    qx, qy = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
    u, s, _ = np.linalg.svd(qx.T @ qy, full_matrices=False)
    weights = np.abs((qx @ u).T @ x).sum(axis=1)
    return float((weights * s).sum() / weights.sum())


def by_svd() -> float:
    kept = []
    for z in centred():
        u, s, _ = np.linalg.svd(z / z.std(axis=0), full_matrices=False)
        kept.append(u[:, : int(np.searchsorted(np.cumsum(s**2) / np.sum(s**2), 0.99)) + 1])
    return float(np.linalg.svd(kept[0].T @ kept[1], compute_uv=False).mean())


THEIRS = {"cca": by_qr, "svcca": by_svd, "pwcca": projection_weighted}


def turn_of(work: Any) -> Turn:
    pair()

    def turn() -> float:
        work()
        return float(FRAMES)

    return turn


def all_of_ours() -> None:
    from masr.analysis.similarity import cca

    gathered = moments()
    cca.cca(gathered), cca.svcca(gathered), cca.pwcca(gathered)


def all_of_theirs() -> None:
    for theirs in THEIRS.values():
        theirs()


def check(measures: Sequence[str] = tuple(THEIRS)) -> str:
    lines = []
    for measure in measures:
        found, expected = ours_of(measure), THEIRS[measure]()
        if abs(found - expected) > 1e-6:
            raise RuntimeError(f"{measure}: {found} and {expected}")
        lines.append(f"{measure} {found:.6f}, {abs(found - expected):.0e} apart")
    return "; ".join(lines)


def race() -> Race:
    runners = [
        Runner("masr, all three", lambda: turn_of(all_of_ours)),
        Runner("all three by QR and SVD of the frames, numpy", lambda: turn_of(all_of_theirs), 4.0),
    ]
    return Race(f"CCA, SVCCA and PWCCA, {FRAMES:,} x {WIDTH}", "frames", runners, check)
