"""How confusions of near languages change: lines for people, and a table; report/near_languages.py draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from masr.maths.estimate import points

if TYPE_CHECKING:
    from masr.scoring.lid.confusion_change import Change, Confusions

COLUMNS = ("first", "second", "cosine", "utterances", "before", "after", "change", "low", "high")


def as_table(found: Confusions) -> str:
    """A line for each pair, then the means over them and over all others."""

    def cells(change: Change) -> list[str]:
        values = (change.before, change.after, change.value, change.low, change.high)
        return ["" if value is None else f"{round(value, 6) + 0.0:.6f}" for value in values]

    rows = [[one.first, one.second, f"{one.cosine:.4f}", str(one.num_utts), *cells(one.change)] for one in found.pairs]
    rows += [[shown_pairs(found), "mean", "", "", *cells(found.related)]]
    if found.others:
        rows += [[other_pairs(found), "mean", "", "", *cells(found.others)]]
    return "".join("\t".join(row) + "\n" for row in [list(COLUMNS), *rows])


def show(found: Confusions, before: str, after: str) -> None:
    """Prints it."""
    print(render(found, before, after))


def render(found: Confusions, before: str, after: str) -> str:
    """A line for each pair, what it comes to in a sentence, and what is left out."""
    names = [f"{one.first}-{one.second}" for one in found.pairs]
    width = max(5, *map(len, names))
    lines = [f"{'pair':<{width}}  cosine  before %  after %  change [95 %]"]
    for name, one in zip(names, found.pairs, strict=True):
        shares = f"{100 * one.change.before:8.1f}  {100 * one.change.after:7.1f}"
        lines.append(f"{name:<{width}}  {one.cosine:6.2f}  {shares}  {points(one.change)}")
    said = [f"mean over the {shown_pairs(found)} {_sentence(found.related)}"]
    if found.others:
        said.append(f"mean over {other_pairs(found)} {_sentence(found.others)}")
    whole = f"Before is {before}, after is {after}: {'; '.join(said)}."
    return "\n".join([*lines, "", whole, *notes(found)])


def _sentence(change: Change) -> str:
    return f"{100 * change.before:.2f} % before, {100 * change.after:.2f} % after ({points(change)} points)"


def notes(found: Confusions) -> list[str]:
    """What the figures are of, and who is in none."""
    notes = [f"{found.num_utts} utterances; intervals are of {found.num_speakers} speakers drawn again."]
    if found.without_code:
        notes.append(f"Without a code, and so in no pair: {', '.join(found.without_code)}.")
    return notes


def shown_pairs(found: Confusions) -> str:
    """Those that have a line of their own, in words."""
    return f"{len(found.pairs)} nearest pairs" if len(found.pairs) > 1 else "nearest pair"


def other_pairs(found: Confusions) -> str:
    """The rest, in words."""
    return f"all {found.num_others} other pairs" if found.num_others > 1 else "the other pair"
