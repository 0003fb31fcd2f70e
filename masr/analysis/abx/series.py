"""Series of recordings, snippets of several lengths: the ABX scores of each, their means, and who lies next to whom.

Shapes: R recordings of a series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from masr.analysis.abx.closeness import Closeness, Distance, closeness, mean_closeness
from masr.analysis.abx.snippets import Pool
from masr.analysis.abx.tree import leaves, tree_of
from masr.errors import AnalysisError
from masr.io.figure import Merge
from masr.maths.estimate import Estimate
from masr.types import FloatArray

Vectors = Mapping[float, Mapping[str, FloatArray]]
"""Length of the snippets -> recording -> (snippets, D)."""


@dataclass(frozen=True, eq=False)
class SeriesScores:
    """The ABX scores of one series of recordings at one length of snippets."""

    series: str
    """"" where there is only one."""
    length_sec: float
    found: Closeness
    mean: Estimate
    tree: tuple[Merge, ...]
    order: tuple[int, ...]
    """The recordings in the order of the tree's leaves: neighbours side by side."""
    split: Mapping[str, Estimate]
    """Name of a part of the pairs -> its mean: pairs that share a label, `same KIND`, and others, `other KIND`."""
    left_out: tuple[str, ...]
    """Recordings that have no full snippet of this length."""
    pool: Pool = "max"
    """How frames became the vector of a snippet."""


@dataclass(frozen=True)
class Options:
    """How recordings are compared."""

    distance: Distance = "cosine"
    seed: int = 0


def score_series(
    vectors: Vectors,
    series: Mapping[str, str],
    kinds: Mapping[str, Mapping[str, str]],
    options: Options,
) -> list[SeriesScores]:
    """Each series at each length. `series` and `kinds` give labels of recordings; a series of one is left out."""
    found = []
    for name in sorted(set(series.values())):
        for length, by_recording in vectors.items():
            members = [recording for recording in by_recording if series[recording] == name]
            whole = [recording for recording in members if len(by_recording[recording])]
            if len(whole) < 2:
                continue
            scores = closeness([by_recording[one] for one in whole], whole, options.distance)
            tree = tree_of(scores.both)
            found.append(
                SeriesScores(
                    series=name,
                    length_sec=length,
                    found=scores,
                    mean=mean_closeness(scores.scores, options.seed),
                    tree=tree,
                    order=tuple(leaves(tree, len(whole))),
                    split=_split(scores, whole, kinds, options),
                    left_out=tuple(sorted(set(members) - set(whole))),
                )
            )
    if not found:
        raise AnalysisError(
            "no series has two recordings with a full snippet",
            fix="choose shorter snippets, or another label by --by or --series",
        )
    return found


def _split(
    scores: Closeness, names: Sequence[str], kinds: Mapping[str, Mapping[str, str]], options: Options
) -> dict[str, Estimate]:
    found = {}
    for kind, labels in kinds.items():
        values = np.array([labels.get(name, "") for name in names])
        known = (values[:, None] != "") & (values != "")
        same: npt.NDArray[np.bool_] = (values[:, None] == values) & known
        for title, chosen in ((f"same {kind}", same), (f"other {kind}", known & ~same)):
            mean = mean_closeness(scores.scores, options.seed, chosen)
            if mean.count:
                found[title] = mean
    return found


def label_of_groups(groups: Sequence[str], labels: Sequence[str], kind: str) -> dict[str, str]:
    """Group -> the label that all of its utterances share; AnalysisError where they do not."""
    found: dict[str, str] = {}
    for group, label in zip(groups, labels, strict=True):
        if found.setdefault(group, label) != label:
            raise AnalysisError(
                f"utterances of {group} have the {kind} {found[group]} and {label}",
                fix=f"leave out --series or --pairs {kind}, or compare other groups: --by",
            )
    return found
