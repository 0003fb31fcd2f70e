"""What a race is, and how it is timed.

A race is one file of tools/bench/races/ with `def race() -> Race`: a title, what a runner is counted in, and the
runners. Each runner is prepared only when the race starts, so that a peer that is not installed is named, not missed.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

RACES = Path(__file__).parent / "races"
Turn = Callable[[], float]
"""Does the work once and returns how much of it was done, in the race's unit."""
MIN_TURN_SEC = 0.2
WARM_SEC = 5.0
"""A turn that is longer is its own warm-up."""


@dataclass(frozen=True)
class Runner:
    """One way of doing the work; the first of a race is ours."""

    name: str
    prepare: Callable[[], Turn]
    """Imports and sets up; ImportError where the peer is not installed."""
    target: float | None = None
    """How many times faster ours has to be; None where nothing was promised."""
    clock: Callable[[], float] = time.process_time
    """CPU seconds so far; a peer that works in another process tells them itself."""


@dataclass(frozen=True)
class Race:
    """Runners on the same work, ours first."""

    title: str
    unit: str
    """Of the work: 'audio-s', 'words'."""
    runners: list[Runner]
    check: Callable[[], str] | None = None
    """Says in a line that ours computes the right thing; raises where it does not."""


@dataclass
class Result:
    """A runner's rates, one a round; none where it could not run."""

    runner: Runner
    missing: str = ""
    rates: list[float] = field(default_factory=list)

    def ratios(self, ours: Result) -> list[float]:
        """How many times faster ours was, round by round."""
        return [a / b for a, b in zip(ours.rates, self.rates)]

    def late(self, ours: Result) -> bool:
        """Whether the target was missed."""
        return bool(self.rates and self.runner.target and statistics.median(self.ratios(ours)) < self.runner.target)


def run(race: Race, rounds: int) -> list[Result]:
    """All runners in turn, round after round, so that a busy machine is busy for all of them."""
    results = [Result(runner) for runner in race.runners]
    turns: list[tuple[Result, Turn, int]] = []
    for result in results:
        try:
            turn = result.runner.prepare()
        except (ImportError, OSError) as error:
            result.missing = str(error).splitlines()[0] if str(error) else type(error).__name__
            continue
        sec = _seconds(result.runner, turn)
        if sec < WARM_SEC:  # a second one, as the first one imports
            sec = _seconds(result.runner, turn)
        turns.append((result, turn, max(1, round(MIN_TURN_SEC / max(sec, 1e-6)))))
    for _ in range(rounds):
        for result, turn, times in turns:
            started = result.runner.clock()
            work = sum(turn() for _ in range(times))
            result.rates.append(work / max(result.runner.clock() - started, 1e-9))
    return results


def _seconds(runner: Runner, turn: Turn) -> float:
    started = runner.clock()
    turn()
    return runner.clock() - started


def table(race: Race, results: list[Result]) -> str:
    """The results as a table: median rate, and ours over each peer as least, median and most of the rounds."""
    rows = [["path", f"{race.unit} / CPU-s", "ours is faster by", "target", ""]]
    ours = results[0]
    for result in results:
        if not result.rates:
            rows.append([result.runner.name, "not installed", result.missing[:60], _target(result), ""])
            continue
        rate = f"{statistics.median(result.rates):,.0f}"
        if result is ours or not ours.rates:
            rows.append([result.runner.name, rate, "", "", "ours"])
            continue
        ratios = result.ratios(ours)
        spread = f"{min(ratios):.2f} / {statistics.median(ratios):.2f} / {max(ratios):.2f}"
        verdict = "" if result.runner.target is None else "BELOW TARGET" if result.late(ours) else "met"
        rows.append([result.runner.name, rate, spread, _target(result), verdict])
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([race.title, *lines])


def _target(result: Result) -> str:
    return "" if result.runner.target is None else f"{result.runner.target:g} x"


def open_copy(name: str) -> ModuleType:
    """The file of the race `name`, opened anew: who changes its sizes changes those of nobody else."""
    spec = importlib.util.spec_from_file_location(f"races_{name}", RACES / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
