"""What pre-trainings came to, side by side: the last validation of each, its nearest neighbours, means over seeds.

A run is a folder NAME/seedS with metrics.jsonl and, where it was scored, neighbours.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masr.errors import DataError
from masr.io.layout import METRICS, NEIGHBOURS
from masr.maths.estimate import Estimate

_VALIDATION = {
    "objective_loss": ("loss of the objective", 1),
    "masked_accuracy": ("masked accuracy", 100),
    "code_chance": ("commonest code", 100),
    "codes_used": ("codes used", 1),
    "code_perplexity": ("perplexity of codes", 1),
    "contrastive_accuracy": ("contrastive accuracy", 100),
    "contrastive_chance": ("one of the candidates", 100),
    "raw_cosine": ("cosine of two utterances", 100),
}
"""Figure of metrics.jsonl -> title and factor: shares become percent."""


@dataclass(frozen=True)
class RunFigures:
    """A run and its figures by title, shares in percent."""

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
    figures = {
        title: Estimate(line[name] * factor)
        for name, (title, factor) in _VALIDATION.items()
        if line.get(name) is not None
    }
    scores = folder / NEIGHBOURS
    if scores.exists():
        figures |= _neighbours(scores)
    numbers = {name: float(value) for name, value in line.items() if isinstance(value, int | float)}
    return RunFigures(folder.parent.name, folder.name.removeprefix("seed"), int(line["step"]), figures, numbers)


def as_json(runs: Sequence[RunFigures]) -> dict[str, Any]:
    """Every number of the last validations, run by run, and the mean of those that all runs have."""
    common = set.intersection(*(set(one.validation) for one in runs))
    means = {name: math.fsum(one.validation[name] for one in runs) / len(runs) for name in sorted(common)}
    return {"mean": means, "runs": {f"{one.name}/seed{one.seed}": dict(one.validation) for one in runs}}


def _last_line(path: Path) -> dict[str, Any]:
    """The last whole line of the validation split, or of all lines where there is none."""
    lines = []
    try:
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                continue
    except FileNotFoundError:
        raise DataError(f"{path.parent} has no {path.name}", fix="train it: masr train CONF DIR") from None
    lines = [line for line in lines if isinstance(line, dict) and "step" in line]
    if not lines:
        raise DataError(f"{path}: holds no line of figures", why="the training ended before its first line")
    validated: list[dict[str, Any]] = [line for line in lines if line.get("split") == "dev"]
    return validated[-1] if validated else lines[-1]


def _neighbours(path: Path) -> dict[str, Estimate]:
    try:
        shares = json.loads(path.read_text(encoding="utf-8"))["shares"]
        return {
            f"{method} {group}": _percent(share["accuracy"], share["low"], share["high"])
            for group, methods in shares.items()
            for method, share in methods.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"{path}: is not what masr score neighbours --json writes", fix="score the run again") from None


def _percent(value: float, low: float | None, high: float | None) -> Estimate:
    """Without an interval where the file has none, as of one speaker."""
    if low is None or high is None:
        return Estimate(100 * value)
    return Estimate(100 * value, 100 * low, 100 * high)
