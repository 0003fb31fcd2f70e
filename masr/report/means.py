"""What the embeddings of a folder say of each language: its mean vector, its place, its group.

Shapes: N utterances, D width, L languages.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from masr.errors import DataError
from masr.io.arrays import map_array
from masr.io.datadir import DataDir
from masr.io.figure_checks import Array
from masr.io.layout import EMBEDDINGS
from masr.maths.rank_correlation import spearman

_BLOCK = 16_384
_MISSING = ("", "unknown")
Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Languages:
    """The languages of a folder of embeddings, and what it says of each."""

    codes: tuple[str, ...]
    means: Array
    """(L, D) the mean vector of each language."""
    counts: tuple[int, ...]
    places: tuple[tuple[float, float] | None, ...]
    """Latitude and longitude: the mean of its utterances' places on the sphere."""
    groups: tuple[str, ...]
    """The commonest group of each; empty where none is known."""


def read_languages(folder: Path) -> Languages:
    """The means of all languages of a folder that `masr extract` wrote."""
    data = DataDir.open(folder)
    vectors = _vectors(folder, len(data))
    labels = data.labels("lang")
    codes, numbers = np.unique([labels.get(utt, "").strip() for utt in data.utts], return_inverse=True)
    sums, counts = np.zeros((len(codes), vectors.shape[1])), np.bincount(numbers, minlength=len(codes))
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        np.add.at(sums, numbers[rows], np.asarray(vectors[rows], dtype=np.float64))
    places = _places(data, numbers, len(codes))
    groups = _groups(data, numbers, len(codes))
    kept = [n for n, code in enumerate(codes) if code not in _MISSING]
    if not np.isfinite(sums[kept]).all():
        raise DataError(f"{folder / EMBEDDINGS} holds NaN or infinite values")
    return Languages(
        tuple(str(codes[n]) for n in kept),
        sums[kept] / np.maximum(counts[kept, None], 1),
        tuple(int(counts[n]) for n in kept),
        tuple(places[n] for n in kept),
        tuple(groups[n] for n in kept),
    )


def _vectors(folder: Path, count: int) -> Array:
    try:
        vectors: Array = map_array(folder / EMBEDDINGS)
    except (ValueError, OSError) as error:
        raise DataError(f"{folder / EMBEDDINGS}: is no array: {error}") from None
    if vectors.ndim != 2 or len(vectors) != count or vectors.dtype.kind != "f":
        raise DataError(f"{folder / EMBEDDINGS} has the shape {vectors.shape} for {count} utterances")
    return vectors


def principal_axes(means: Array) -> tuple[Array, tuple[float, float]]:
    """(L, 2) the means seen along the two directions in which they differ most, and the share of variance of each."""
    centred = means - means.mean(axis=0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    flat = np.zeros((len(means), 2))
    known = min(2, len(lengths))
    flat[:, :known] = left[:, :known] * lengths[:known]
    total = float((lengths**2).sum()) or 1.0
    shares = [*(float(v**2) / total for v in lengths[:2]), 0.0, 0.0]
    return flat, (shares[0], shares[1])


def distance_match(languages: Languages) -> float | None:
    """Spearman's correlation of all pairs' distances, between the vectors and on the globe; None below four places."""
    known = [n for n, place in enumerate(languages.places) if place is not None]
    if len(known) < 4:
        return None
    means = languages.means[known]
    on_sphere = np.array([_unit(*place) for n in known if (place := languages.places[n]) is not None])
    pairs = np.triu_indices(len(known), 1)
    far = np.arccos(np.clip(on_sphere @ on_sphere.T, -1, 1))[pairs]
    apart = np.array([np.linalg.norm(means[a] - means[b]) for a, b in zip(*pairs, strict=True)])
    if len(np.unique(far)) < 2 or len(np.unique(apart)) < 2:
        return None
    return spearman(far, apart)


def _unit(lat: float, lon: float) -> tuple[float, float, float]:
    """A place as a point on the sphere of radius 1."""
    a, b = math.radians(lat), math.radians(lon)
    return math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)


def _places(data: DataDir, numbers: Numbers, count: int) -> list[tuple[float, float] | None]:
    if "loc" not in data.kinds():
        return [None] * count
    sums = np.zeros((count, 3))
    cache: dict[str, tuple[float, float, float] | None] = {}
    table = data.labels("loc")
    for number, utt in zip(numbers, data.utts, strict=True):
        text = table.get(utt, "")
        if text not in cache:
            cache[text] = _parsed(text)
        point = cache[text]
        if point is not None:
            sums[number] += point
    return [
        (math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))) if x or y or z else None
        for x, y, z in sums.tolist()
    ]


def _parsed(text: str) -> tuple[float, float, float] | None:
    try:
        lat, lon = map(float, text.split())
    except ValueError:
        return None
    return _unit(lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


def _groups(data: DataDir, numbers: Numbers, count: int) -> list[str]:
    if "group" not in data.kinds():
        return [""] * count
    tallies: list[Counter[str]] = [Counter() for _ in range(count)]
    table = data.labels("group")
    for number, utt in zip(numbers, data.utts, strict=True):
        group = table.get(utt, "").strip()
        if group:
            tallies[number][group] += 1
    return [tally.most_common(1)[0][0] if tally else "" for tally in tallies]
