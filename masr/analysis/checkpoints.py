"""What checkpoints know, step by step: which of their figures rise together, and which checkpoint each would choose.

A figure is the loss of the validation, a bound on mutual information, the accuracy of a probe. Runs are ranked by
themselves first, because losses of two objectives are not of one scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from masr.errors import AnalysisError, UsageError, near
from masr.files import ordinary, parse_json
from masr.io.atomic import atomic_write
from masr.io.figure import Axis, Curve, Curves, Figure, Scatter
from masr.io.figure_file import write_figure
from masr.io.layout import FIGURE_SUFFIX, METRICS
from masr.io.provenance import write_provenance
from masr.maths.estimate import Estimate
from masr.maths.rank_correlation import Correlation, correlate

LOSS, LABELS, VIEW, ACCURACY = "loss", "labels", "view", "accuracy"
TITLES = {
    LOSS: "loss of the validation",
    LABELS: "bound on what frames tell of labels",
    VIEW: "bound on what frames tell of another view",
    ACCURACY: "accuracy of a linear probe of phones",
}
"""Figure -> its title, in the order in which they are shown."""
UNITS = {LABELS: "nats", VIEW: "nats"}
ALL = "all"
_WIDTH = 26
"""Width of a column on the screen."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint with all that was measured of it."""

    run: str
    step: int
    figures: Mapping[str, Estimate]

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {"run": self.run, "step": self.step, **{name: one.as_json() for name, one in self.figures.items()}}


@dataclass(frozen=True)
class Agreement:
    """Whether two figures rise together over checkpoints, or why that is not known."""

    run: str
    """The run whose checkpoints are compared; `all` for those of every run."""
    x: str
    y: str
    found: Correlation | None
    reason: str = ""

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        if self.found is None:
            return {"reason": self.reason}
        return {
            "num_points": self.found.num_points,
            "spearman": self.found.spearman.as_json(),
            "kendall": self.found.kendall.as_json(),
        }


def names_of(runs: Sequence[Path], given: Sequence[str]) -> list[str]:
    """What the runs are called: as given, or by their folders."""
    names = list(given) or [str(folder) for folder in runs]
    if len(names) != len(runs) or len({*names, ALL}) <= len(names):
        raise UsageError(f"{len(names)} names for {len(runs)} runs", fix=f"give each one of its own, none {ALL!r}")
    return names


def validated(run: Path, figure: str) -> dict[int, float]:
    """Step -> a figure of its validation, of metrics.jsonl; the last line of a step counts, as after resuming."""
    found: dict[int, float] = {}
    known: dict[str, float] = {}
    try:
        lines = ordinary(run / METRICS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AnalysisError(
            f"{run / METRICS} cannot be read: {error}",
            why="a whole run is looked at, with all the checkpoints that it kept",
            fix="give the DIR of masr train, without @STEP",
        ) from None
    for text in lines:
        try:
            line = parse_json(text)
        except ValueError:
            continue  # a run that goes on is in the middle of a line
        if not isinstance(line, dict) or line.get("split") != "dev" or not isinstance(line.get("step"), int):
            continue
        known |= line
        value = line.get(figure)
        if isinstance(value, int | float) and math.isfinite(value):
            found[line["step"]] = float(value)
    if known and not found:
        raise AnalysisError(f"{run / METRICS}: no validation has a figure {figure!r}", fix=near(figure, known))
    return found


def measured(checkpoints: Sequence[Checkpoint]) -> list[str]:
    """The figures that any checkpoint has, in the order in which they are shown."""
    return [name for name in TITLES if any(name in one.figures for one in checkpoints)]


def agreements(checkpoints: Sequence[Checkpoint], seed: int = 0) -> list[Agreement]:
    """The agreement of every two figures, within each run and, where there are several, over all runs."""
    runs = list(dict.fromkeys(one.run for one in checkpoints))
    found = []
    for run in [*runs, ALL] if len(runs) > 1 else runs:
        mine = [one for one in checkpoints if run in (one.run, ALL)]
        for x, y in combinations(measured(mine), 2):
            points = [(one.figures[x].value, one.figures[y].value) for one in mine if {x, y} <= set(one.figures)]
            try:
                ranked = correlate([a for a, _ in points], [b for _, b in points], run, seed)
                found.append(Agreement(run, x, y, ranked))
            except AnalysisError as error:
                found.append(Agreement(run, x, y, None, error.what))
    return found


def choices(checkpoints: Sequence[Checkpoint]) -> dict[str, dict[str, Checkpoint]]:
    """Run -> figure -> the checkpoint that the figure would choose: the least loss, the largest of any other figure."""
    found: dict[str, dict[str, Checkpoint]] = {}
    for one in checkpoints:
        best = found.setdefault(one.run, {})
        for name, figure in one.figures.items():
            sign = -1 if name == LOSS else 1
            if name not in best or sign * figure.value > sign * best[name].figures[name].value:
                best[name] = one
    return found


def as_json(checkpoints: Sequence[Checkpoint], found: Sequence[Agreement]) -> dict[str, object]:
    """Everything as plain values: checkpoints in order, correlations by run and `x:y`, choices by run and figure."""
    ranked: dict[str, dict[str, object]] = {}
    for one in found:
        ranked.setdefault(one.run, {})[f"{one.x}:{one.y}"] = one.as_json()
    chosen = {run: {name: best.as_json() for name, best in by.items()} for run, by in choices(checkpoints).items()}
    return {"checkpoints": [one.as_json() for one in checkpoints], "correlations": ranked, "choices": chosen}


def table(checkpoints: Sequence[Checkpoint]) -> str:
    """The text of a TSV file with a row for each checkpoint, as `masr analyse correlation` reads it."""
    names = measured(checkpoints)
    lines = ["\t".join(["run", "step", *names])]
    for one in checkpoints:
        cells = [f"{one.figures[name].value:.9g}" if name in one.figures else "" for name in names]
        lines.append("\t".join([one.run, str(one.step), *cells]))
    return "\n".join(lines) + "\n"


def show(checkpoints: Sequence[Checkpoint], found: Sequence[Agreement]) -> None:
    """Prints it."""
    print(render(checkpoints, found))


def render(checkpoints: Sequence[Checkpoint], found: Sequence[Agreement]) -> str:
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


def write(folder: Path, checkpoints: Sequence[Checkpoint], runs: Sequence[Path]) -> None:
    """checkpoints.tsv, and the figures as .figure.json."""
    atomic_write(folder / "checkpoints.tsv", table(checkpoints))
    for stem, figure in figures(checkpoints):
        write_figure(folder / f"{stem}{FIGURE_SUFFIX}", figure)
    write_provenance(folder, runs=[str(run) for run in runs])


def figures(checkpoints: Sequence[Checkpoint]) -> Iterator[tuple[str, Figure]]:
    """File stem -> figure: a curve of each figure over steps, and every other one against the accuracy."""
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
    """One for each run."""
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
