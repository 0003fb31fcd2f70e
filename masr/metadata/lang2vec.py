"""URIEL's typological vectors, read straight from the data files of the installed lang2vec package.

The package itself is never imported: its import needs pkg_resources, which current setuptools does not have.
Every file keeps its own order of languages and features, so each is indexed on its own. The tables are under
CC BY-SA; they stay in the package, and only the rows in use are copied beside a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import numpy.typing as npt

from masr.errors import MetadataError, MissingPackageError, near
from masr.files import parse_json
from masr.io.arrays import read_npz
from masr.metadata.macrocodes import MACRO
from masr.metadata.sphere import invert
from masr.types import Float64Array

_AVERAGES = "feature_averages.npz"


def _typology() -> dict[str, tuple[str, str, str]]:
    """Feature sets over the 289 columns of syntax, phonology and inventory."""
    prefixes = {"syntax": "S_", "phonology": "P_", "inventory": "INV_"}
    sources = {
        "syntax": {"wals": "WALS", "sswl": "SSWL", "ethnologue": "ETHNO"},
        "phonology": {"wals": "WALS", "ethnologue": "ETHNO"},
        "inventory": {"ethnologue": "ETHNO"}
        | {f"phoible_{name}": f"PHOIBLE_{name.upper()}" for name in ("aa", "gm", "saphon", "spa", "ph", "ra", "upsid")},
    }
    sets = {}
    for kind, prefix in prefixes.items():
        sets[f"{kind}_knn"] = ("feature_predictions.npz", "predicted", prefix)
        sets[kind] = (_AVERAGES, "avg", prefix)
        for name, source in sources[kind].items():
            sets[f"{kind}_{name}"] = ("features.npz", source, prefix)
    return sets


SETS: dict[str, tuple[str, str, str]] = {
    **_typology(),
    "fam": ("family_features.npz", "FAM", "F_"),
    "geo": ("geocoord_features.npz", "GEOCOORDS", "GC_"),
}
"""Name -> (file, source, prefix of the features). `*_knn` has no gaps; the bare name is what was observed,
averaged over its sources, with gaps; `kind_source` is one source alone. `learned` needs pickle: left out."""

_STAND_INS = {"fam": {"nob": "nor", "nno": "nor"}}
"""URIEL has the family of Norwegian under its macro code alone."""


@dataclass(frozen=True, eq=False)
class _Table:
    """One .npz file of the package."""

    rows: dict[str, int]
    features: tuple[str, ...]
    sources: tuple[str, ...]
    values: npt.NDArray[np.floating]
    """(languages, features, sources); -1 is a gap."""


def data_folder() -> Path:
    """Where the installed package keeps its data."""
    # Not by find_spec: the package also installs a script lang2vec.py, which hides it from programs beside it.
    with suppress(PackageNotFoundError):
        place = Path(str(distribution("lang2vec").locate_file("lang2vec"))) / "data"
        if (place / _AVERAGES).is_file():
            return place
    raise MissingPackageError(
        "lang2vec's data files are not installed",
        why="the codes of languages come from them; a run whose codes are cached does not need them",
        fix="pip install lang2vec",
    )


_MOST_BYTES = 1 << 30
"""Of one array; the largest that the package has are 130 MB."""


@cache
def _table(file: str) -> _Table:
    path = data_folder() / file
    try:
        codes, features, sources, values = read_npz(path, ("langs", "feats", "sources", "data"), _MOST_BYTES)
        rows = {str(code): row for row, code in enumerate(codes)}
        return _Table(rows, tuple(map(str, features)), tuple(map(str, sources)), values)
    except (OSError, ValueError, KeyError) as error:
        raise MissingPackageError(
            f"{path}: cannot be read: {error}", fix="pip install --force-reinstall lang2vec"
        ) from None


def languages() -> tuple[str, ...]:
    """Every ISO 639-3 code that URIEL has, in its order."""
    return tuple(_table(_AVERAGES).rows)


def vectors(codes: Sequence[str], feature_set: str) -> tuple[tuple[str, ...], Float64Array, tuple[str, ...]]:
    """Names of the features, (len(codes), features) values with NaN for a gap, the codes looked up in the end."""
    if feature_set not in SETS:
        if feature_set == "learned":
            raise MetadataError(
                "the feature set 'learned' is not offered",
                why="its file is a Python pickle, which runs code when it is read, and it lacks 39 of 102 languages",
                fix="use syntax_knn, phonology_knn and inventory_knn",
            )
        raise MetadataError(f"lang2vec has no feature set {feature_set!r}", fix=near(feature_set, SETS))
    file, source, prefix = SETS[feature_set]
    table = _table(file)
    used = tuple(_STAND_INS.get(feature_set, {}).get(code, code) for code in codes)
    for code in used:
        if code not in table.rows:
            raise unknown_language(code)
    columns = [i for i, name in enumerate(table.features) if name.startswith(prefix)]
    rows = [table.rows[code] for code in used]
    values: Float64Array = table.values[rows, :, table.sources.index(source)][:, columns].astype(np.float64)
    values[values < 0] = np.nan
    return tuple(table.features[i] for i in columns), values, used


def unknown_language(code: str, where: str = "") -> MetadataError:
    """The error for a code that URIEL does not have, with what was probably meant."""
    letters: Mapping[str, str] = parse_json((data_folder() / "letter_codes.json").read_text(encoding="utf-8"))
    small = code.lower().replace("-", "_").split("_")[0]
    meant = small if small in languages() else letters.get(small)
    return MetadataError(
        f"{where}lang2vec has no language {code!r}",
        why="languages are ISO 639-3 codes of three small letters",
        fix=(f"did you mean {meant}?" if meant else near(code, languages()))
        + f" For a code of your own, {_said_once(f'aliases: {{{code}: a near relative}}')}, or unknown: missing",
    )


def _said_once(option: str) -> str:
    """Where an option of the language stream belongs, so that no training has to be told again."""
    return f"give masr units --set 'streams=[{{name: language, {option}}}]' (conf/units.yaml of a recipe)"


def observed(codes: Sequence[str]) -> npt.NDArray[np.int64]:
    """How many of the 289 typological features any source has seen, for each code; 0 for an unknown code."""
    table = _table(_AVERAGES)
    counts = [int((table.values[table.rows[c]] >= 0).sum()) if c in table.rows else 0 for c in codes]
    return np.array(counts, dtype=np.int64)


def check_known(code: str, values: Float64Array, feature_sets: Sequence[str], where: str = "") -> None:
    """MetadataError where `values` (all sets, NaN for gaps) tell nothing of `code`.

    A `*_knn` vector is never empty: where nothing at all was observed under an individual code, it is a guess,
    and the macro code has the observations.
    """
    macro = MACRO.get(code, "")
    empty = bool(np.isnan(values).all() or not np.nansum(np.abs(values)))
    typological = any(SETS[name][0] in (_AVERAGES, "feature_predictions.npz", "features.npz") for name in feature_sets)
    seen, seen_macro = observed([code, macro])
    if not empty and not (typological and macro and seen == 0 and seen_macro > 0):
        return
    names = ", ".join(feature_sets)
    what = "is empty" if empty else "is a guess: nothing was observed under this code"
    fix = f"use the *_knn feature sets, or {_said_once(f'aliases: {{{code}: a near relative}}')}, or unknown: missing"
    if macro:
        fix = f"URIEL has it under the macro code: {_said_once(f'aliases: {{{code}: {macro}}}')}"
    raise MetadataError(f"{where}lang2vec's {names} of {code!r} {what}", fix=fix)


def centroids(codes: Sequence[str]) -> Float64Array:
    """(len(codes), 2) latitude and longitude in degrees of where each language is spoken.

    The geo features are great-circle distances to fixed points; they invert to the place itself.
    """
    names, shares, _ = vectors(codes, "geo")
    points = np.array([[float(part) for part in name.split("_")[1:]] for name in names])
    return invert(shares, points)
