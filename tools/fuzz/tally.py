"""What was run so far, on this machine: a line for each hunt, and their sums as a table."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from fuzz.hunt import Outcome

_NAME = "runs.jsonl"


def note(folder: Path, outcome: Outcome, seed: int) -> None:
    """Adds a hunt to FOLDER/runs.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    line = {"target": outcome.name, "seed": seed, "inputs": outcome.num_inputs, "seconds": round(outcome.seconds, 1)}
    with (folder / _NAME).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**line, "found": len(outcome.findings)}) + "\n")


def summed(folder: Path, names: Sequence[str]) -> list[tuple[str, int, float]]:
    """(target, inputs, seconds) of all hunts; of one seed the longest counts, for the others read the same inputs."""
    inputs: dict[str, dict[int, int]] = defaultdict(dict)
    seconds: dict[str, float] = defaultdict(float)
    path = folder / _NAME
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        line = json.loads(text)
        of_target = inputs[line["target"]]
        of_target[line["seed"]] = max(line["inputs"], of_target.get(line["seed"], 0))
        seconds[line["target"]] += line["seconds"]
    return [(name, sum(inputs[name].values()), seconds[name]) for name in names]


def as_table(rows: Sequence[tuple[str, int, float]]) -> str:
    """The sums in Markdown."""
    lines = ["| reader | inputs | minutes |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {count:,} | {seconds / 60:.1f} |" for name, count, seconds in rows]
    total, minutes = sum(row[1] for row in rows), sum(row[2] for row in rows) / 60
    return "\n".join([*lines, f"| all | {total:,} | {minutes:.1f} |"])
