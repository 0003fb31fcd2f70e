"""What pre-trainings came to, side by side: the last validation of each, its nearest neighbours, means over seeds.

A run is a folder NAME/seedS with metrics.jsonl and, where it was scored, neighbours.json.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from masr.errors import DataError
from masr.files import ordinary, parse_json
from masr.io.layout import METRICS, NEIGHBOURS
from masr.io.screen import draw
from masr.maths.estimate import Estimate, Unit
from masr.maths.over_seeds import mean_of

_VALIDATION: dict[str, tuple[str, Unit]] = {
    "objective_loss": ("loss of the objective", ""),
    "masked_accuracy": ("masked accuracy", "share"),
    "code_chance": ("commonest code", "share"),
    "codes_used": ("codes used", ""),
    "code_perplexity": ("perplexity of codes", ""),
    "contrastive_accuracy": ("contrastive accuracy", "share"),
    "contrastive_chance": ("one of the candidates", "share"),
    "raw_cosine": ("cosine of two utterances", "share"),
    "copy_error": ("error of copying frames", ""),
    "zero_error": ("error of zeros", ""),
}
"""Figure of metrics.jsonl -> title and unit."""
_FINE = {_VALIDATION[name][0] for name in ("objective_loss", "copy_error", "zero_error")}
"""Titles of what is compared by its third digit."""


@dataclass(frozen=True)
class RunFigures:
    """A run and its figures by title."""

    name: str
    seed: str
    steps: int
    figures: Mapping[str, Estimate]
    validation: Mapping[str, float]
    """Every number of its last validation, as metrics.jsonl has it."""


def read_run(folder: Path) -> RunFigures:
    """The figures of a run, of its last validation or, where there was none, of its last line."""
    line = _last_line(folder / METRICS)
    if "loss" in line:  # where nothing stands beside the objective, its loss is the whole
        line.setdefault("objective_loss", line["loss"])
    numbers = {name: float(value) for name, value in line.items() if _is_number(value)}
    figures = {
        title: Estimate(numbers[name], unit=unit) for name, (title, unit) in _VALIDATION.items() if name in numbers
    }
    scores = folder / NEIGHBOURS
    if scores.exists():
        figures |= _neighbours(scores)
    return RunFigures(folder.parent.name, folder.name.removeprefix("seed"), int(line["step"]), figures, numbers)


def as_json(runs: Sequence[RunFigures]) -> dict[str, Any]:
    """Every number of the last validations, run by run, and the mean of those that all runs have."""
    common = set.intersection(*(set(one.validation) for one in runs))
    means = {name: math.fsum(one.validation[name] for one in runs) / len(runs) for name in sorted(common)}
    return {"mean": means, "runs": {f"{one.name}/seed{one.seed}": dict(one.validation) for one in runs}}


def render(runs: Sequence[RunFigures]) -> str:
    """A table for people: a column for each model, a row for each figure that a run of it has."""
    from rich.table import Table

    table = Table(title="pre-training: validation, and the label of the nearest other speaker; shares in %")
    table.add_column("figure", overflow="fold")
    names = list(dict.fromkeys(one.name for one in runs))
    models = [[one for one in runs if one.name == name] for name in names]
    for name, mine in zip(names, models, strict=True):
        seeds = " ".join(one.seed for one in mine)
        table.add_column(f"{name}\nseed{'s' if len(mine) > 1 else ''} {seeds}", justify="right")
    table.add_row("steps", *(" ".join(sorted({str(one.steps) for one in mine})) for mine in models))
    for title in dict.fromkeys(title for one in runs for title in one.figures):
        table.add_row(title, *(_cell(mine, title) for mine in models))
    return draw(table)


def _cell(runs: list[RunFigures], title: str) -> str:
    """One run's figure with its interval, or several runs' mean and then each."""
    figures, digits = [one.figures[title] for one in runs if title in one.figures], 3 if title in _FINE else 1
    if len(figures) > 1:
        each = ", ".join(figure.value_text(digits) for figure in figures)
        mean = replace(mean_of([figure.value for figure in figures]), unit=figures[0].unit)
        return f"{mean.text(digits)} ({each})"
    return figures[0].text(digits) if figures else ""


def _last_line(path: Path) -> dict[str, Any]:
    """The last whole line of the validation split, or of all lines where there is none."""
    lines = []
    try:
        for text in ordinary(path).read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                lines.append(parse_json(text))
            except ValueError:
                continue
    except FileNotFoundError:
        raise DataError(f"{path.parent} has no {path.name}", fix="train it: masr train CONF DIR") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    lines = [line for line in lines if isinstance(line, dict) and _is_number(line.get("step"))]
    if not lines:
        raise DataError(f"{path}: holds no line of figures", why="the training ended before its first line")
    validated: list[dict[str, Any]] = [line for line in lines if line.get("split") == "dev"]
    return validated[-1] if validated else lines[-1]


def _accuracy(share: Mapping[str, Any]) -> float:
    if not _is_number(share["accuracy"]):
        raise ValueError(f"{share['accuracy']!r} is no accuracy")
    return float(share["accuracy"])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: Any) -> float | None:
    """None is that of an interval which there is not."""
    if value is not None and not _is_number(value):
        raise ValueError(f"{value!r} is no number")
    return None if value is None else float(value)


def _neighbours(path: Path) -> dict[str, Estimate]:
    try:
        shares = parse_json(ordinary(path).read_text(encoding="utf-8"))["shares"]
        return {
            f"{method} {group}": Estimate(_accuracy(share), _number(share["low"]), _number(share["high"]), unit="share")
            for group, methods in shares.items()
            for method, share in methods.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"{path}: is not what masr score neighbours --json writes", fix="score the run again") from None
