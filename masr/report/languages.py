"""The languages of an embeddings folder: the mean vector of each in two dimensions, beside its place on the globe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from masr.corpora.languages import english_name
from masr.errors import MasrError
from masr.io.figure import Axis, Scatter
from masr.io.figure_checks import Array
from masr.io.layout import EMBEDDINGS
from masr.report.colours import Style
from masr.report.gather import Run
from masr.report.markup import Child, Markup, tag
from masr.report.means import Languages, distance_match, principal_axes, read_languages
from masr.report.numbers import grouped, percent, short
from masr.report.plot import figure, legend
from masr.report.scatter import draw_scatter, group_styles
from masr.report.world import draw_world

_MOST_LANGUAGES = 400
_MOST_GROUPS = 21
_MOST_MAPS = 3


def language_section(runs: Sequence[Run]) -> list[Child]:
    """A map of embeddings for each folder of each run, and the globe once."""
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
    entries = [(group, style) for group, style in styles.items() if group and len(styles) <= _MOST_GROUPS]
    globe = _globe([languages for _, languages in folders], styles)
    maps = [_map(name, languages, styles) for name, languages in folders]
    return [legend(entries, lines=False), globe, tag("div", *maps, class_="grid wide")]


def _styles(all_languages: Sequence[Languages]) -> dict[str, Style]:
    """Group -> its look, the same wherever it is drawn; where there are too many to tell apart, all look alike."""
    groups = tuple(group for languages in all_languages for group in languages.groups)
    if len(set(groups)) > _MOST_GROUPS:
        return dict.fromkeys(groups, Style(0)) | {"": Style(0)}
    return group_styles(groups)


def _map(name: str, languages: Languages, styles: Mapping[str, Style]) -> Markup:
    """A scatter plot of one folder's languages in the model's space."""
    flat, shares = principal_axes(languages.means)
    flat = flat * _signs(flat, languages)
    plot = Scatter(
        f"Languages in {name}",
        flat[:, 0],
        flat[:, 1],
        tuple(languages.codes),
        tuple(languages.groups),
        Axis(f"first component, {percent(shares[0])} of the variance"),
        Axis(f"second component, {percent(shares[1])}"),
        equal=True,
    )
    note = (
        f"Mean vector of each of {len(languages.codes)} languages, {grouped(sum(languages.counts))} utterances in all."
    )
    fit = distance_match(languages)
    if fit is not None:
        note += f" Distances here and on the globe: rank correlation {short(fit, 2)}."
    return figure(plot.title, draw_scatter(plot, dict(styles), width=520, height=420), note=note)


def _globe(all_languages: Sequence[Languages], styles: Mapping[str, Style]) -> Markup | None:
    """A map with every language that has a place; None where none has."""
    shown: dict[str, tuple[tuple[float, float], str]] = {}
    for languages in all_languages:
        for code, place, group in zip(languages.codes, languages.places, languages.groups, strict=True):
            if place is not None:
                shown.setdefault(code, (place, group))
    if not shown:
        return None
    titles = [
        ", ".join(
            filter(
                None,
                [code, english_name(code) if english_name(code) != code else "", group, f"{lat:.1f} N {lon:.1f} E"],
            )
        )
        for code, ((lat, lon), group) in shown.items()
    ]
    looks = [styles[group] for _, group in shown.values()]
    drawn = draw_world([place for place, _ in shown.values()], list(shown), titles, looks, 1040)
    note = "Mean place of each language's utterances, as utt2loc says."
    return figure("Languages on the globe", drawn, note=note)


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
