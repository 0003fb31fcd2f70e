"""Languages by their typology: URIEL's vectors, read from lang2vec's data, and the cosine between them.

Cosines of typological vectors crowd together: over the 102 languages of FLEURS none is below 0.4 and the mean is
0.69. With `rescale` (the default) the least cosine between two languages in use becomes 0 and 1 stays 1, in a
straight line, so that the spread uses [0, 1]. Two languages whose vectors are equal stay at 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from masr.config import option
from masr.errors import MetadataError
from masr.io.layout import label_table
from masr.metadata import lang2vec
from masr.metadata.codebook import Codebook, Use, gather, settings_of
from masr.types import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLES = ("hin", "urd", "guj", "ben", "tam", "tel", "eng", "nob", "jpn", "zul")

MADE_ONCE = ("aliases", "unknown")
"""Options that say how codes are made: a training reads them from the codes."""
_NARROW = 1e-4
"""Cosines that all lie within this of 1 are not stretched: only rounding would be seen."""


@dataclass(frozen=True)
class Config:
    """Which vectors, and how they are compared."""

    features: tuple[str, ...] = option(
        ("syntax_knn", "phonology_knn", "inventory_knn"),
        "lang2vec feature sets, joined: syntax, phonology, inventory with _knn behind (no gaps), bare (observed "
        "values, with gaps: compared over what both languages know) or a source (syntax_wals); fam; geo",
    )
    rescale: bool = option(True, "stretch the cosines between the languages in use to [0, 1]")
    aliases: Mapping[str, str] = dataclasses.field(
        default_factory=dict,
        metadata={"doc": "codes to look up under another, {ekk: est}; trainings read them from the codes"},
    )
    unknown: Literal["error", "missing"] = option("error", "a language that URIEL does not have: stop, or no label")
    kind: str = option("lang", "the labels are in utt2<kind>, as ISO 639-3 codes")

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("features: name at least one feature set, such as syntax_knn")


def tables(config: Config) -> tuple[str, ...]:
    """The files of a data directory that hold the labels."""
    return (label_table(config.kind),)


def tabulate(config: Config, uses: Sequence[Use]) -> Codebook:
    """The vectors of the languages in use, from lang2vec's files."""
    known = [use for use in uses if config.unknown == "error" or _is_known(config, use)]
    codes = [config.aliases.get(use.label, use.label) for use in known]
    _check_names(known, codes)
    tables = [lang2vec.vectors(codes, name) for name in config.features]
    values = np.concatenate([values for _, values, _ in tables], axis=1)
    for use, code, row in zip(known, codes, values):
        lang2vec.check_known(code, row, config.features, use.place())
    if "fam" in config.features:  # 3718 columns, nearly all of them other families; the cosine stays the same
        values = values[:, np.nan_to_num(values, nan=1.0).any(axis=0)]
    values = np.nan_to_num(values, nan=-1.0).astype(np.float32)
    cosines = _cosines(values)
    off = cosines[~np.eye(len(values), dtype=bool)]
    floor = float(np.nanmin(off)) if np.isfinite(off).any() else 1.0
    facts = {"floor": floor, "mean": float(np.nanmean(off)) if np.isfinite(off).any() else 1.0}
    looked_up = ["|".join(dict.fromkeys(used)) for used in zip(*(used for _, _, used in tables))]
    rows = [
        (use.label, str(use.count), looked_up[i], _relatives([u.label for u in known], cosines[i], i))
        for i, use in enumerate(known)
    ]
    rows += [(use.label, str(use.count), "", "unknown: no label") for use in uses if use not in known]
    columns = ("label", "utterances", "looked_up_as", "nearest_by_cosine")
    without = [use.label for use in uses if use not in known]
    labels = (*(use.label for use in known), *without)
    values = np.concatenate([values, np.full((len(without), values.shape[1]), np.nan, np.float32)])
    return Codebook(labels, values, settings_of(config), facts, columns, tuple(rows))


def build(config: Config, codebook: Codebook) -> LanguageStream:
    """The stream over the languages of `codebook`."""
    codebook.check(config, "language", MADE_ONCE)
    return LanguageStream(config, codebook)


class LanguageStream:
    """Codes of the languages in use, and the cosine between them."""

    def __init__(self, config: Config, codebook: Codebook) -> None:
        self.tables = tables(config)
        self._rows = codebook.lookup()
        self._codes = codebook.codes
        self._has_gaps = bool((codebook.codes < 0).any())
        floor = codebook.facts.get("floor", 1.0)
        self._floor = floor if config.rescale and 1.0 - floor > _NARROW else None

    @property
    def num_dims(self) -> int:
        """Columns of the feature sets together."""
        return int(self._codes.shape[1])

    def codes(self, labels: Sequence[str | None]) -> FloatArray:
        """(B, num_dims) typological values; -1 marks a gap of the raw feature sets."""
        return gather(labels, self._rows, self._codes, "language")

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """(A, B) cosines in [0, 1], stretched where the config asks for it."""
        from masr.metadata.cosine import cosine, cosine_of_known, rescale

        cosines = (cosine_of_known if self._has_gaps else cosine)(a, b)
        return cosines.clamp(0.0, 1.0) if self._floor is None else rescale(cosines, self._floor)


def _is_known(config: Config, use: Use) -> bool:
    """Whether URIEL has the language; False where it would be refused."""
    code = config.aliases.get(use.label, use.label)
    if code not in lang2vec.languages():
        return False
    values = np.concatenate([lang2vec.vectors([code], name)[1][0] for name in config.features])
    try:
        lang2vec.check_known(code, values, config.features)
    except MetadataError:
        return False
    return True


def _check_names(uses: Sequence[Use], codes: Sequence[str]) -> None:
    known = set(lang2vec.languages())
    for use, code in zip(uses, codes):
        if code not in known:
            raise lang2vec.unknown_language(code, use.place())


def _cosines(values: FloatArray) -> FloatArray:
    """(N, N) cosines of the codes, by the very code that training uses."""
    import torch

    from masr.metadata.cosine import cosine, cosine_of_known

    codes = torch.from_numpy(values).double()
    similarity = cosine_of_known if bool((values < 0).any()) else cosine
    cosines: FloatArray = similarity(codes, codes).numpy()
    return cosines


def _relatives(labels: Sequence[str], cosines: FloatArray, own: int) -> str:
    """The three nearest languages as text: `urd 0.89, pan 0.88, guj 0.86`."""
    order = [i for i in np.argsort(-cosines, kind="stable") if i != own and np.isfinite(cosines[i])]
    return ", ".join(f"{labels[i]} {cosines[i]:.2f}" for i in order[:3])
