"""One table out of the JSON files of many runs: a row for each run, a column for each figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from masr.errors import AnalysisError, UsageError, near
from masr.files import ordinary, parse_json
from masr.io.atomic import atomic_write

Columns = dict[str, list[float]]
"""name -> a figure for each run."""


def collect(names: Sequence[str], wanted: Sequence[Sequence[str]]) -> Columns:
    """The figures of each column, in the order of the runs; a column is its name, keys, and a file for each run."""
    columns: Columns = {}
    for words in wanted:
        name, keys, *files = [*words, "", ""] if len(words) < 2 else words
        every = "*" in keys.split(".")
        if len(files) != (1 if every else len(names)) or not keys:
            raise UsageError(
                f"--column {name} has {len(files)} files for {len(names)} runs",
                fix="--column NAME KEYS FILE..., of one FILE where KEYS have a *",
            )
        columns[name] = figures(Path(files[0]), keys) if every else [figure(Path(file), keys) for file in files]
        if len(columns[name]) != len(names):
            raise UsageError(f"--column {name}: {files[0]} has {len(columns[name])} figures for {len(names)} runs")
    return columns


def write(path: Path, names: Sequence[str], columns: Columns) -> None:
    """Tab-separated, with a header, as `masr analyse correlation` reads it."""
    rows = [[run, *(f"{values[k]:.9g}" for values in columns.values())] for k, run in enumerate(names)]
    atomic_write(path, "".join("\t".join(row) + "\n" for row in [["run", *columns], *rows]))


def figure(path: Path, keys: str) -> float:
    """The number at the end of the keys; of a .jsonl file, the last line that has it."""
    try:
        text = ordinary(path).read_text(encoding="utf-8")
        lines = text.splitlines() if path.suffix == ".jsonl" else [text]
        found = [parse_json(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{path} cannot be read: {error}") from None
    wanted: Any = None
    for one in reversed(found):
        wanted = _at(one, keys.split("."))
        if wanted is not None:
            break
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not math.isfinite(wanted):
        known = found[-1] if found and isinstance(found[-1], dict) else {}
        raise AnalysisError(f"{path} has no finite number at {keys}", fix=near(keys.split(".")[0], known))
    return float(wanted)


def figures(path: Path, keys: str) -> list[float]:
    """The numbers at the end of the keys, of which one stands for every place."""
    before, *after = keys.split(".*.") if ".*." in keys else (keys,)
    if len(after) != 1 or not before or "*" in before.split("."):
        raise UsageError(f"{keys} has its * where no list can be", fix="one * with keys before and after: a.*.b")
    try:
        listed = _at(parse_json(ordinary(path).read_text(encoding="utf-8")), before.split("."))
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{path} cannot be read: {error}") from None
    if not isinstance(listed, list | dict):
        raise AnalysisError(f"{path} has no list at {before}")
    places = [str(n) for n in range(len(listed))] if isinstance(listed, list) else list(listed)
    return [figure(path, f"{before}.{place}.{after[0]}") for place in places]


def _at(found: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            return None
    return found
