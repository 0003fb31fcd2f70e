"""Near languages taken for each other before and after a change, as one SVG file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from masr.corpora.languages import english_name
from masr.report.dumbbells import Dumbbell, draw_dumbbells
from masr.scoring.lid.confusion_report import notes, other_pairs, shown_pairs

if TYPE_CHECKING:
    from masr.scoring.lid.confusion_change import Change, Confusions


def draw(found: Confusions, before: str, after: str) -> str:
    """The file: a row for each pair, then the means."""
    pairs = [
        Dumbbell(
            f"{english_name(one.first)} \N{EN DASH} {english_name(one.second)}",
            one.change.before,
            one.change.after,
            one.change,
            f"cosine {one.cosine:.2f}",
            f"{one.first}, {one.second}, {one.num_utts} utterances",
        )
        for one in found.pairs
    ]
    means = [_mean(f"mean of {shown_pairs(found)}", found.related)]
    if found.others:
        means.append(_mean(f"mean of {other_pairs(found)}", found.others))
    title = f"Near languages taken for each other, before ({before}) and after ({after})"
    axis = "of the utterances of either language, answered with the other"
    return draw_dumbbells([pairs, means], title, before, after, axis, notes(found))


def _mean(name: str, change: Change) -> Dumbbell:
    return Dumbbell(name, change.before, change.after, change)
