"""Places: latitude and longitude become unit vectors, and distance over the globe becomes similarity.

`linear` is 1 - d / (pi R): 1 at the same place, 0 at the antipodes. `exponential` is exp(-d / sigma_km), which
tells near places apart and lets all far ones be equally far. An utterance without a place of its own can take the
centroid of its language, which URIEL's geo features invert to; they are one point a language, and some are odd
(Portuguese lies in Spain).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from masr.config import option
from masr.io.layout import label_table
from masr.metadata import lang2vec
from masr.metadata.codebook import Codebook, Use, gather, is_missing, settings_of
from masr.metadata.sphere import EARTH_RADIUS_KM, arc_share, arcs, parse_place, unit_vectors
from masr.types import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLES = ("25.0 76.98", "28.61 77.21", "-41.29 174.78", "52.98 -0.93", "64.15 -21.94", "0 180", "0 -180", "90 0")

_CODE = re.compile(r"[a-z]{3}")


@dataclass(frozen=True)
class Config:
    """How distance becomes similarity, and what stands in for an unknown place."""

    rule: Literal["linear", "exponential"] = option("linear", "1 - d / (pi R), or exp(-d / sigma_km)")
    sigma_km: float = option(1000.0, "distance at which `exponential` falls to 0.37")
    from_language: bool = option(True, "an utterance without a place takes the centroid of its language")
    kind: str = option("loc", "the places are in utt2<kind>, as `latitude longitude` in decimal degrees")
    language_kind: str = option("lang", "the languages are in utt2<language_kind>, as ISO 639-3 codes")

    def __post_init__(self) -> None:
        if not self.sigma_km > 0:
            raise ValueError("sigma_km: is a distance greater than 0")


def tables(config: Config) -> tuple[str, ...]:
    """The files of a data directory that hold the labels: the place itself, else the language."""
    place = (label_table(config.kind),)
    return (*place, label_table(config.language_kind)) if config.from_language else place


def tabulate(config: Config, uses: Sequence[Use]) -> Codebook:
    """The unit vector of every place in use, and of the centroid of every language."""
    places: list[tuple[float, float]] = []
    sources: list[str] = []
    for use in uses:
        code = _language(config, use.label)
        if code is None:
            places.append(parse_place(use.label, use.place()))
            sources.append("given")
        elif code in lang2vec.languages():
            latitude, longitude = lang2vec.centroids([code])[0]
            places.append((float(latitude), float(longitude)))
            sources.append(f"centroid of {code}")
        else:
            places.append((np.nan, np.nan))
            sources.append("unknown: no label")
    codes = unit_vectors(np.array(places, dtype=np.float64).reshape(-1, 2)).astype(np.float32)
    rows = [
        (use.label, str(use.count), f"{latitude:.4f}", f"{longitude:.4f}", source)
        for use, (latitude, longitude), source in zip(uses, places, sources)
    ]
    facts = {
        "num_given": float(sources.count("given")),
        "num_centroids": float(sum(source.startswith("centroid") for source in sources)),
    }
    columns = ("label", "utterances", "latitude", "longitude", "source")
    return Codebook(tuple(use.label for use in uses), codes, settings_of(config), facts, columns, tuple(rows))


def build(config: Config, codebook: Codebook | None = None) -> LocationStream:
    """The stream; the centroids of languages come from `codebook`, coordinates need none."""
    if codebook:
        codebook.check(config, "location")
    return LocationStream(config, codebook)


class LocationStream:
    """A stream whose codes are unit vectors, and whose similarity falls with the great-circle distance."""

    num_dims = 3

    def __init__(self, config: Config, codebook: Codebook | None) -> None:
        self.config = config
        self.tables = tables(config)
        self._rows = codebook.lookup() if codebook else {}
        self._codes = codebook.codes if codebook else np.zeros((0, 3), np.float32)

    def codes(self, labels: Sequence[str | None]) -> FloatArray:
        """(B, 3) unit vectors; a place that no table has seen is read from its own text."""
        looked_up = [label if label in self._rows or _language(self.config, label or "") else None for label in labels]
        vectors = gather(looked_up, self._rows, self._codes, "location")
        for i, label in enumerate(labels):
            if label is not None and looked_up[i] is None and not is_missing(label):
                vectors[i] = unit_vectors(np.array([parse_place(label)]))[0]
        return vectors

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """(A, B) in [0, 1]; 1 is the same place."""
        arc = arcs(a, b)
        if self.config.rule == "linear":
            similarity = 1.0 - arc_share(arc)
        else:
            similarity = (arc * (-EARTH_RADIUS_KM / self.config.sigma_km)).exp()
        return similarity.to(a.dtype)


def _language(config: Config, label: str) -> str | None:
    """The language's code, where the label is a language and not a place; None where it is a place."""
    return label if config.from_language and _CODE.fullmatch(label) else None
