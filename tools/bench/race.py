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


@dataclass
class Line:
    """A runner's outcome."""

    name: str
    rate: float = 0.0
    """Units per CPU second, the median over rounds."""
    faster: tuple[float, float, float] | None = None
    """How many times faster ours was: least, median and most of the rounds."""
    target: float | None = None
    missing: str = ""
    """Why it did not run."""

    @property
    def verdict(self) -> str:
        """Of its target."""
        if self.target is None or self.faster is None:
            return ""
        return "met" if self.faster[1] >= self.target else "BELOW TARGET"


@dataclass
class Outcome:
    """What came of a race: its runners, ours first."""

    title: str
    unit: str = ""
    check: str = ""
    lines: list[Line] = field(default_factory=list)
    trouble: str = ""
    """What ended it."""

    @property
    def is_late(self) -> bool:
        """Whether a target was missed, or nothing is known."""
        return bool(self.trouble) or any(line.verdict == "BELOW TARGET" for line in self.lines)


def hold(name: str, rounds: int) -> Outcome:
    """The race of that name, held here."""
    title = name
    try:
        race = open_copy(name).race()
        title = race.title
        check = race.check() if race.check else ""
        results = run(race, rounds)
    except Exception as error:
        return Outcome(title, trouble=f"{type(error).__name__}: {error}")
    return Outcome(race.title, race.unit, check, [_line(result, results[0]) for result in results])


def _line(result: Result, ours: Result) -> Line:
    runner = result.runner
    if not result.rates:
        return Line(runner.name, target=runner.target, missing=result.missing or "did not run")
    rate = statistics.median(result.rates)
    if result is ours or not ours.rates:
        return Line(runner.name, rate)
    ratios = [a / b for a, b in zip(ours.rates, result.rates, strict=True)]
    return Line(runner.name, rate, (min(ratios), statistics.median(ratios), max(ratios)), runner.target)


def text(outcome: Outcome) -> str:
    """For the screen."""
    if outcome.trouble:
        return f"{outcome.title}\nFAILED: {outcome.trouble}"
    rows = [["path", f"{outcome.unit} / CPU-s", "ours is faster by", "target", ""]]
    for line in outcome.lines:
        rate = f"{line.rate:,.0f}" if line.rate else "not installed"
        faster = " / ".join(f"{ratio:.2f}" for ratio in line.faster) if line.faster else line.missing[:60]
        target = "" if line.target is None else f"{line.target:g} x"
        rows.append([line.name, rate, faster, target, "ours" if line is outcome.lines[0] else line.verdict])
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([outcome.title, *([outcome.check] if outcome.check else []), *lines])


def open_copy(name: str) -> ModuleType:
    """The file of the race `name`, opened anew: who changes its sizes changes those of nobody else."""
    spec = importlib.util.spec_from_file_location(f"races_{name}", RACES / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
