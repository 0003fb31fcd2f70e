"""How alike representations are, two by two: every measure, over frames that stream by.

What is compared has to be frames of the same speech; `masr/analysis/aligned.py` brings them together by time. Files
beside this one hold the measures: cka.py, cca.py.

Shapes: K representations, D features of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from masr.analysis.aligned import Aligned
from masr.analysis.similarity import cca, cka
from masr.analysis.similarity.second_moments import Moments, Precision, gather
from masr.errors import AnalysisError, near
from masr.types import Float64Array

_MOST_BYTES = 1 << 30
"""Memory for the sums of one pass: more pairs need more passes."""
SAMPLE = 10_000


@dataclass(frozen=True)
class Measure:
    """One way to compare, from second moments."""

    title: str
    of: Callable[[Moments], float | Float64Array]
    """Makes the figure of two representations; an array holds one for each feature of the first."""
    precision: Precision = "float64"
    symmetric: bool = True


MEASURES: Mapping[str, Measure] = {
    "linear_cka": Measure("linear CKA", cka.linear_cka, "float32"),
    "linear_cka_unbiased": Measure("linear CKA, unbiased", cka.linear_cka_unbiased, "float32"),
    "cca": Measure("mean canonical correlation", cca.cca),
    "svcca": Measure("SVCCA", cca.svcca),
    "pwcca": Measure("projection-weighted CCA", cca.pwcca, symmetric=False),
    "procrustes": Measure("Procrustes similarity", cca.procrustes),
    "neuron": Measure("best correlation of each feature", cca.neuron, symmetric=False),
}
KERNEL_MEASURES: Mapping[str, str] = {"rbf_cka": "RBF CKA", "rbf_cka_unbiased": "RBF CKA, unbiased"}
"""Name -> title of the measures that look at all pairs of a sample of frames."""
NAMES = (*MEASURES, *KERNEL_MEASURES)


@dataclass(frozen=True)
class Options:
    """How representations are compared, whatever the measure."""

    precision: Precision | None = None
    """Precision of products within a block; None is what the measure needs."""
    drop_constant: bool = False
    """Whether features that never move are left out instead of refused."""
    sample: int = SAMPLE
    """Most frames that kernels are made of."""
    width: float = 0.5
    """Width of the kernels, in median distances between frames."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sample < 4 or not self.width > 0:
            raise AnalysisError("a sample has at least 4 frames, and a width is above 0")


@dataclass(frozen=True, eq=False)
class Similarity:
    """One measure of every row with every column."""

    measure: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Float64Array
    """(rows, columns)."""
    num_frames: int
    features: Mapping[str, Mapping[str, Float64Array]] = field(default_factory=dict)
    """Row -> column -> (D,) the best correlation of each feature; empty where the measure is not one of features."""

    def over_others(self) -> Mapping[str, tuple[float, float]]:
        """Row -> the mean over its features of the largest and of the smallest correlation among the other columns.

        A feature whose smallest is large is in every other representation, one whose largest is small is in none.
        """
        found = {}
        for row, columns in self.features.items():
            others = [values for column, values in columns.items() if column != row]
            if others:
                found[row] = (float(np.max(others, axis=0).mean()), float(np.min(others, axis=0).mean()))
        return found


def compare(
    aligned: Aligned, num_rows: int, measures: Sequence[str], options: Options | None = None
) -> list[Similarity]:
    """The measures of the first `num_rows` representations with the others; of all with all where none are left."""
    options = options or Options()
    for name in measures:
        if name not in NAMES:
            raise AnalysisError(f"there is no measure {name!r}", fix=near(name, NAMES))
    grid = _Grid.of([part.name for part in aligned.parts], num_rows)
    found: dict[str, Similarity] = {}
    for precision in ("float32", "float64", "bfloat16"):
        wanted = [name for name in measures if name in MEASURES and _precision(name, options) == precision]
        if wanted:
            found.update(_linear(aligned, grid, wanted, precision, options))
    if any(name in KERNEL_MEASURES for name in measures):
        found.update(_kernels(aligned, grid, measures, options))
    return [found[name] for name in dict.fromkeys(measures)]


def _precision(name: str, options: Options) -> Precision:
    measure = MEASURES[name]
    return options.precision if options.precision and measure.precision == "float32" else measure.precision


@dataclass(frozen=True)
class _Grid:
    """Which representations are rows, and which columns."""

    names: tuple[str, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @classmethod
    def of(cls, names: Sequence[str], num_rows: int) -> _Grid:
        every = tuple(range(len(names)))
        return cls(tuple(names), every[:num_rows], every[num_rows:] or every)

    @property
    def square(self) -> bool:
        return self.rows == self.columns

    def pairs(self) -> list[tuple[int, int]]:
        """The pairs to compare, each once: of a square the half above the diagonal."""
        return [(i, j) for i in self.rows for j in self.columns if not self.square or i < j]

    def empty(self, measure: str, title: str, num_frames: int) -> Similarity:
        """All values missing but those of a representation with itself."""
        values = np.full((len(self.rows), len(self.columns)), np.nan)
        if self.square:
            np.fill_diagonal(values, 1.0)
        rows, columns = (tuple(self.names[k] for k in side) for side in (self.rows, self.columns))
        return Similarity(measure, title, rows, columns, values, num_frames, {})

    def put(self, found: Similarity, i: int, j: int, value: float) -> None:
        found.values[self.rows.index(i), self.columns.index(j)] = value


def _linear(
    aligned: Aligned, grid: _Grid, measures: Sequence[str], precision: Precision, options: Options
) -> dict[str, Similarity]:
    found = {name: grid.empty(name, MEASURES[name].title, aligned.num_frames) for name in measures}
    features: dict[str, dict[str, Float64Array]] = {}
    for pairs in _batches(grid.pairs(), [part.dim for part in aligned.parts]):
        for (i, j), moments in zip(pairs, gather(aligned, grid.names, pairs, precision), strict=True):
            moments = without_constant(moments) if options.drop_constant else moments
            for name in measures:
                directions = [(i, j, moments)]
                if grid.square:
                    directions.append((j, i, moments if MEASURES[name].symmetric else moments.swapped()))
                for a, b, given in directions:
                    value = MEASURES[name].of(given)
                    if isinstance(value, np.ndarray):
                        features.setdefault(grid.names[a], {})[grid.names[b]] = value
                    grid.put(found[name], a, b, float(np.mean(value)))
    return {name: replace(one, features=features) if name == "neuron" else one for name, one in found.items()}


def _kernels(aligned: Aligned, grid: _Grid, measures: Sequence[str], options: Options) -> dict[str, Similarity]:
    frames = aligned.sample(options.sample, options.seed)
    kernels = cka.rbf_kernels(frames, options.width, grid.names)
    found = {}
    for name in KERNEL_MEASURES:
        if name in measures:
            found[name] = grid.empty(name, KERNEL_MEASURES[name], len(frames[0]))
            for i, j in grid.pairs():
                value = kernels.alignment(i, j, name.endswith("unbiased"))
                grid.put(found[name], i, j, value)
                if grid.square:
                    grid.put(found[name], j, i, value)
    return found


def _batches(pairs: Sequence[tuple[int, int]], dims: Sequence[int]) -> Iterator[list[tuple[int, int]]]:
    """Pairs whose sums fit into memory together."""
    held: list[tuple[int, int]] = []
    size = 0
    for i, j in pairs:
        cost = 8 * dims[i] * dims[j] + 8 * dims[i] ** 2 + 8 * dims[j] ** 2
        if held and size + cost > _MOST_BYTES:
            yield held
            held, size = [], 0
        held.append((i, j))
        size += cost
    if held:
        yield held


def without_constant(moments: Moments) -> Moments:
    """The moments without features that never move."""
    keep: list[npt.NDArray[np.bool_]] = []
    for own, still in zip((moments.xx, moments.yy), moments.constant):
        kept = np.ones(len(own), dtype=bool)
        kept[list(still)] = False
        keep.append(kept)
    if not all(kept.any() for kept in keep):
        raise AnalysisError(f"{' or '.join(moments.names)}: no feature ever moves", why="all its frames are equal")
    x, y = keep
    return replace(
        moments,
        xx=moments.xx[np.ix_(x, x)],
        yy=moments.yy[np.ix_(y, y)],
        xy=moments.xy[np.ix_(x, y)],
        constant=((), ()),
    )
