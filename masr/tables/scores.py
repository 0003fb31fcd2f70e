"""A score out of the files that a step left: a figure in JSON, the answers to every utterance, or both."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from masr.errors import TableError, near
from masr.files import ordinary, parse_json
from masr.maths.estimate import Estimate
from masr.tables.answers import Answers, read_answers
from masr.tables.config import ColumnConfig


@dataclass(frozen=True)
class Score(Estimate):
    """One task's figure, in the column's unit."""

    answers: Answers | None = field(default=None, repr=False, compare=False)
    """The answers to every utterance, where the step keeps them."""
    p: float | None = None
    """Its own two-sided p against 0, where the file has one."""


def read_scores(folder: Path, column: ColumnConfig) -> Score:
    """The column's score in a step's folder; TableError where its files do not hold it, or say two things of it."""
    score = _figure(folder / column.file, column) if column.file else None
    if not column.answers:
        assert score is not None
        return score
    path = folder / column.answers
    answers = read_answers(path, column.answers_of, column.answers_not_of)
    value = column.scale * answers.accuracy
    if score is None:
        return Score(value, None, None, int(answers.counts.sum()), answers=answers)
    if abs(score.value - value) > 10**-column.digits:
        raise TableError(
            f"{path} makes {value:.{column.digits}f} of {column.name}, {column.file} says "
            f"{score.value:.{column.digits}f}",
            fix="the score has to be the share of right answers to the utterances of answers_of and answers_not_of",
        )
    return replace(score, answers=answers)


def _figure(path: Path, column: ColumnConfig) -> Score:
    """The score in a JSON file."""
    try:
        found = parse_json(ordinary(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"{path} is not there", fix="the step's command has to write it") from None
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read: {error}") from None
    value = _number(found, column.at + column.value, path)
    if column.minus:
        value -= _number(found, column.at + column.minus, path)
    low, high = (_end(found, column.at + keys, path) if keys else None for keys in (column.low, column.high))
    count = int(_number(found, column.at + column.count, path)) if column.count else None
    p = _number(found, column.at + column.p, path) if column.p else None
    if low is None or high is None:
        return Score(column.scale * value, None, None, count, p=p)
    low, high = sorted((column.scale * low, column.scale * high))
    return Score(column.scale * value, low, high, count, p=p)


def _end(found: Any, keys: tuple[str, ...], path: Path) -> float | None:
    """An end of an interval; None where the file says that there is none, as of a single speaker."""
    return None if _at(found, keys, path) is None else _number(found, keys, path)


def _number(found: Any, keys: tuple[str, ...], path: Path) -> float:
    """The finite number that lies at the end of the keys; TableError where there is none."""
    value = _at(found, keys, path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TableError(f"{path}: {'.'.join(keys)} is {value!r}, not a finite number")
    return float(value)


def _at(found: Any, keys: tuple[str, ...], path: Path) -> Any:
    """What lies at the end of the keys."""
    for place, key in enumerate(keys):
        name = ".".join(keys[: place + 1])
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            known = found if isinstance(found, dict) else ()
            raise TableError(f"{path} has no {name}", fix=near(key, known))
    return found
