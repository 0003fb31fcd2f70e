"""One table out of the JSON files of many runs: a row for each run, what `masr analyse correlation` reads.

Each --column is a NAME, the keys on the way to its figure, and a FILE for each run, in the order of --names. Keys stand
with points between them, and numbers count places in a list: bounds.0.bound. A key that holds a point itself cannot be
reached. Of a .jsonl file, the last line that has them counts. A * among the keys stands for every place of a list, or
every key, in order: one FILE then has the figures of all rows, as of all layers of a model.

example:
  masr analyse collect exp/runs.tsv --names apc cpc --column accuracy share exp/{apc,cpc}/probe.json
  masr analyse collect exp/layers.tsv --names 0,1,2,3 --column bound 'bounds.*.bounds.0.bound' exp/bounds.json
  masr analyse correlation exp/runs.tsv --x loss --y accuracy
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse collect`."""
    parser.add_argument("out", type=Path, metavar="OUT.tsv", help="table to write")
    parser.add_argument("--names", nargs="+", required=True, metavar="RUN", help="of the rows; commas part them too")
    parser.add_argument(
        "--column", nargs="+", action="append", required=True, metavar="WORD", help="NAME KEYS FILE FILE ..."
    )


def run(args: argparse.Namespace) -> None:
    """Reads, writes."""
    from masr.errors import UsageError
    from masr.io.atomic import atomic_write

    names = [part.strip() for text in args.names for part in text.split(",") if part.strip()]
    columns: dict[str, list[float]] = {}
    for words in args.column:
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
    rows = [[run, *(f"{values[k]:.9g}" for values in columns.values())] for k, run in enumerate(names)]
    atomic_write(args.out, "".join("\t".join(row) + "\n" for row in [["run", *columns], *rows]))
    print(f"{args.out}: {len(rows)} rows, columns {', '.join(columns)}")


def figure(path: Path, keys: str) -> float:
    """The number at the end of the keys; of a .jsonl file, the last line that has it."""
    from masr.errors import AnalysisError, near

    try:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines() if path.suffix == ".jsonl" else [text]
        found = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{path} cannot be read: {error}") from None
    wanted: Any = None
    for one in reversed(found):
        wanted = _at(one, keys.split("."))
        if wanted is not None:
            break
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        known = found[-1] if found and isinstance(found[-1], dict) else {}
        raise AnalysisError(f"{path} has no number at {keys}", fix=near(keys.split(".")[0], known))
    return float(wanted)


def figures(path: Path, keys: str) -> list[float]:
    """The numbers at the end of the keys, of which one stands for every place."""
    from masr.errors import AnalysisError, UsageError

    before, *after = keys.split(".*.") if ".*." in keys else (keys,)
    if len(after) != 1 or not before or "*" in before.split("."):
        raise UsageError(f"{keys} has its * where no list can be", fix="one * with keys before and after: a.*.b")
    try:
        listed = _at(json.loads(path.read_text(encoding="utf-8")), before.split("."))
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
