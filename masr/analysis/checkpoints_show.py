"""Checkpoints as lines for people and as figures for `masr report`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from masr.analysis.checkpoints import ACCURACY, LOSS, TITLES, UNITS, Agreement, Checkpoint, choices, measured
from masr.io.figure import Axis, Curve, Curves, Figure, Scatter
from masr.maths.estimate import Estimate

_WIDTH = 26


def report(checkpoints: Sequence[Checkpoint], found: Sequence[Agreement]) -> str:
    """A line for each checkpoint, each pair of figures, and each figure's choice."""
    names = measured(checkpoints)
    width = max(len("run"), *(len(one.run) for one in checkpoints))
    lines = [f"{'run':<{width}}    step" + "".join(f"  {_heading(name):<{_WIDTH}}" for name in names)]
    for one in checkpoints:
        cells = "".join(f"  {_cell(one.figures.get(name)):<{_WIDTH}}" for name in names)
        lines.append(f"{one.run:<{width}}  {one.step:>6}{cells}".rstrip())
    for pair in found:
        if pair.found is None:
            lines.append(f"{pair.run}: {pair.x} and {pair.y}: {pair.reason}")
            continue
        said = (
            f"{name} {one.text(3, sign=True)}, p {one.p:.3f}"
            for name, one in (("Spearman", pair.found.spearman), ("Kendall", pair.found.kendall))
        )
        lines.append(f"{pair.run}: {pair.x} and {pair.y}: {'; '.join(said)}; {pair.found.num_points} checkpoints")
    for run, best in choices(checkpoints).items():
        for name, one in best.items():
            right = one.figures.get(ACCURACY)
            beside = f", accuracy {100 * right.value:.1f} %" if right and name != ACCURACY else ""
            lines.append(f"{run}: {'least' if name == LOSS else 'highest'} {name} at step {one.step}{beside}")
    return "\n".join(lines)


def _heading(name: str) -> str:
    return f"{name} %" if name == ACCURACY else name


def _cell(one: Estimate | None) -> str:
    return "-" if one is None else one.text(2 if one.unit == "share" else 4)


def figures(checkpoints: Sequence[Checkpoint]) -> Iterator[tuple[str, Figure]]:
    """(file stem, figure): each figure as a curve over steps, and every other figure against the accuracy."""
    names = measured(checkpoints)
    for name in names:
        yield (
            f"checkpoints.{name}",
            Curves(f"{_sentence(name)}, over training", _curves(checkpoints, name), Axis("step"), _axis(name)),
        )
    for name in names if ACCURACY in names else ():
        both = [one for one in checkpoints if {name, ACCURACY} <= set(one.figures)]
        if name == ACCURACY or not both:
            continue
        yield f"checkpoints.{name}.{ACCURACY}", _scatter(both, name)


def _curves(checkpoints: Sequence[Checkpoint], name: str) -> tuple[Curve, ...]:
    """A curve over steps for each run."""
    found = []
    for run in dict.fromkeys(one.run for one in checkpoints):
        mine = [one for one in checkpoints if one.run == run and name in one.figures]
        if not mine:
            continue
        parts = [one.figures[name] for one in mine]
        low, high = (
            np.array([np.nan if end is None else end for end in ends])
            for ends in ([one.low for one in parts], [one.high for one in parts])
        )
        steps, values = np.array([float(one.step) for one in mine]), np.array([one.value for one in parts])
        known = bool(np.isfinite(low).any())
        found.append(Curve(run, steps, values, low if known else None, high if known else None))
    return tuple(found)


def _scatter(checkpoints: Sequence[Checkpoint], name: str) -> Scatter:
    xs, ys = (np.array([one.figures[key].value for one in checkpoints]) for key in (name, ACCURACY))
    steps = tuple(str(one.step) for one in checkpoints)
    runs = tuple(one.run for one in checkpoints)
    title = f"{_sentence(ACCURACY)} against the {TITLES[name]}"
    return Scatter(title, xs, ys, steps, runs, _axis(name), _axis(ACCURACY), note="points are named by their step")


def _axis(name: str) -> Axis:
    return Axis(name, UNITS.get(name, "share" if name == ACCURACY else ""))


def _sentence(name: str) -> str:
    return TITLES[name][0].upper() + TITLES[name][1:]
