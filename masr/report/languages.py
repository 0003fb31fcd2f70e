"""The languages of an embeddings folder: the mean vector of each in two dimensions, beside its place on the globe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from masr.errors import MasrError
from masr.io.figure import Axis, Places, Scatter
from masr.io.figure_checks import Array
from masr.io.layout import EMBEDDINGS
from masr.report.colours import Style
from masr.report.draw import draw_plate
from masr.report.gather import Run
from masr.report.markup import Child, tag
from masr.report.means import Languages, distance_match, principal_axes, read_languages
from masr.report.numbers import grouped, percent, short
from masr.report.plate import Plate
from masr.report.plot import legend
from masr.report.scatter import group_styles

_MOST_LANGUAGES = 400
_MOST_GROUPS = 21
_MOST_MAPS = 3


def language_plates(runs: Sequence[Run]) -> list[Plate]:
    """The globe once, and a map of embeddings for each folder of each run; what cannot be drawn is a run's problem."""
    folders: list[tuple[str, Languages]] = []
    for run in runs:
        largest = sorted(run.embeddings, key=lambda f: -(f / EMBEDDINGS).stat().st_size)
        for folder in largest[: _MOST_MAPS if len(runs) == 1 else 1]:
            where = folder.relative_to(run.folder).as_posix()
            try:
                languages = read_languages(folder)
            except MasrError as error:
                run.problems.append(f"{where}: {error.what.replace(f'{folder}/', '')}")
                continue
            if 2 <= len(languages.codes) <= _MOST_LANGUAGES:
                folders.append((f"{run.letter}: {run.name}/{where}" if len(runs) > 1 else where, languages))
            else:
                run.problems.append(
                    f"{where}: {len(languages.codes)} languages are not drawn: a map needs 2 to {_MOST_LANGUAGES}"
                )
    if not folders:
        return []
    styles = _styles([languages for _, languages in folders])
    globe = _globe([languages for _, languages in folders], styles)
    maps = [_map(name, languages, styles) for name, languages in folders]
    return maps if globe is None else [globe, *maps]


def language_section(plates: Sequence[Plate]) -> list[Child]:
    """The legend of all, the globe, and the maps of embeddings side by side."""
    if not plates:
        return []
    styles = plates[0].styles
    entries = [(group, style) for group, style in styles.items() if group and len(styles) <= _MOST_GROUPS]
    globe = [draw_plate(plate) for plate in plates if isinstance(plate.figure, Places)]
    maps = [draw_plate(plate) for plate in plates if not isinstance(plate.figure, Places)]
    return [legend(entries, lines=False), *globe, tag("div", *maps, class_="grid wide")]


def _styles(all_languages: Sequence[Languages]) -> dict[str, Style]:
    """Group -> its look, the same wherever it is drawn; where there are too many to tell apart, all look alike."""
    groups = tuple(group for languages in all_languages for group in languages.groups)
    if len(set(groups)) > _MOST_GROUPS:
        return dict.fromkeys(groups, Style(0)) | {"": Style(0)}
    return group_styles(groups)


def _map(name: str, languages: Languages, styles: Mapping[str, Style]) -> Plate:
    """A scatter plot of one folder's languages in the model's space."""
    flat, shares = principal_axes(languages.means)
    flat = flat * _signs(flat, languages)
    note = (
        f"Mean vector of each of {len(languages.codes)} languages, {grouped(sum(languages.counts))} utterances in all."
    )
    fit = distance_match(languages)
    if fit is not None:
        note += f" Distances here and on the globe: rank correlation {short(fit, 2)}."
    plot = Scatter(
        f"Languages in {name}",
        flat[:, 0],
        flat[:, 1],
        tuple(languages.codes),
        tuple(languages.groups),
        Axis(f"first component, {percent(shares[0])} of the variance"),
        Axis(f"second component, {percent(shares[1])}"),
        equal=True,
        note=note,
    )
    return Plate(f"languages.{name}", plot, styles=styles)


def _globe(all_languages: Sequence[Languages], styles: Mapping[str, Style]) -> Plate | None:
    """A map with every language that has a place; None where none has."""
    shown: dict[str, tuple[tuple[float, float], str]] = {}
    for languages in all_languages:
        for code, place, group in zip(languages.codes, languages.places, languages.groups, strict=True):
            if place is not None:
                shown.setdefault(code, (place, group))
    if not shown:
        return None
    lat, lon = np.array([place for place, _ in shown.values()]).T
    groups = tuple(group for _, group in shown.values())
    note = "Mean place of each language's utterances, as utt2loc says."
    return Plate(
        "languages.globe", Places("Languages on the globe", lat, lon, tuple(shown), groups, note), styles=styles
    )


def _signs(flat: Array, languages: Languages) -> Array:
    """(2,) signs for the axes, whose direction means nothing: east comes to lie right and north up, where that fits."""
    known = [n for n, place in enumerate(languages.places) if place is not None]
    signs = np.ones(2)
    if len(known) > 2:
        places = np.array([languages.places[n] for n in known])
        for axis, of_place in ((0, 1), (1, 0)):
            if float(np.dot(flat[known, axis], places[:, of_place] - places[:, of_place].mean())) < 0:
                signs[axis] = -1
    return signs
