"""Asks every reader of masr with broken inputs until the time is over; exit code 1 where something was found.

usage: make fuzz [TARGET=name] [SECONDS=n]
       PYTHONPATH=tools:tests python -m fuzz [TARGET ...] [options]

Found is: a traceback (anything but masr.errors), an end of the process, more than 10 s, more than 2 GB, something
written, run or opened elsewhere, a number that is not finite. Each find is made small and kept in .fuzz/TARGET as a
JSON file; `--replay FILE` reads it again. The same --seed gives the same inputs in the same order on every machine.
With --guided, inputs are those that reach new lines of masr, where atheris is installed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from fuzz.finding import Finding
from fuzz.guided import guided_hunt, is_installed
from fuzz.hunt import HANG_SEC, Limits, Outcome, attempt, hunt
from fuzz.keep import keep, kept
from fuzz.shrink import shrink
from fuzz.tally import as_table, note, summed
from fuzz.target import Reader, Target
from fuzz.targets import TARGETS

_SHRINK_SEC = 20.0
_PROGRESS_SEC = 10.0


def main(words: list[str] | None = None) -> int:
    """1 where something was found, 0 where nothing was."""
    args = _parser().parse_args(words)
    if args.list:
        print("\n".join(f"{target.name:14} {target.about}" for target in TARGETS.values()))
        return 0
    if args.counts:
        print(as_table(summed(args.keep, list(TARGETS))))
        return 0
    if args.replay:
        return _replay(args.replay)
    unknown = [name for name in args.targets if name not in TARGETS]
    if unknown:
        print(f"fuzz: there is no target {unknown[0]!r}: {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    chosen = [TARGETS[name] for name in args.targets] or list(TARGETS.values())
    if args.guided and not is_installed():
        print("fuzz: atheris is not installed: inputs are not guided by coverage", file=sys.stderr)
        args.guided = False
    outcomes = []
    end = time.monotonic() + args.seconds
    for number, target in enumerate(chosen):
        share = max(0.5, (end - time.monotonic()) / (len(chosen) - number))
        outcomes.append(_one(target, args, share))
        note(args.keep, outcomes[-1], args.seed)
    print(_table(outcomes))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def _parser() -> argparse.ArgumentParser:
    usage, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser("fuzz", description=usage, epilog=rest, formatter_class=_Plain)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="readers; all by default")
    parser.add_argument("--seconds", type=float, default=600.0, help="of all targets together (default 600)")
    parser.add_argument("--inputs", type=int, metavar="N", help="at most so many of each target")
    parser.add_argument("--seed", type=int, default=0, help="which inputs (default 0)")
    parser.add_argument("--keep", type=Path, default=Path(".fuzz"), metavar="DIR", help="broken inputs (default .fuzz)")
    parser.add_argument("--guided", action="store_true", help="by coverage, with atheris")
    parser.add_argument(
        "--replay", type=Path, nargs="+", metavar="FILE", help="read kept inputs again, and nothing else"
    )
    parser.add_argument("--counts", action="store_true", help="print what was run so far, and nothing else")
    parser.add_argument("--list", action="store_true", help="print the targets")
    return parser


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Paragraphs as they are written."""


def _one(target: Target, args: argparse.Namespace, seconds: float) -> Outcome:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="masr-fuzz-seeds-") as folder:
        progress = _Progress(target.name)
        if args.guided:
            outcome = guided_hunt(target, args.seed, seconds, args.keep, progress)
            reader = target.open(Path(folder))
        else:
            reader = target.open(Path(folder))
            left = max(0.5, seconds - (time.monotonic() - begun))
            outcome = hunt(target.name, reader, args.seed, Limits(left, args.inputs), progress)
        progress.end(outcome)
        for signature, found in list(outcome.findings.items()):
            if not _make_small(reader, found):
                del outcome.findings[signature]
                print(f"fuzz: {target.name}: happened once and not again: {found.line()}")
                continue
            path = keep(args.keep, target.name, args.seed, found)
            print(f"fuzz: {target.name}: FOUND {found.line()}\n      {found.times} inputs; the smallest: {path}")
    return outcome


def _make_small(reader: Reader, found: Finding) -> bool:
    """Whether a find happens again; if so, it holds the smallest input that does the same."""
    again = [one for one in attempt(reader, found.files) if one.signature == found.signature]
    if not again:
        return False
    is_slow = found.kind == "hang"

    def still(files: object) -> bool:
        return any(one.signature == found.signature for one in attempt(reader, files))  # type: ignore[arg-type]

    found.files = shrink(
        found.files, reader.seeds, still, 6 * HANG_SEC if is_slow else _SHRINK_SEC, 5 if is_slow else 400
    )
    return True


def _replay(paths: list[Path]) -> int:
    num_broken = 0
    for path in paths:
        name, files = kept(path)
        with tempfile.TemporaryDirectory(prefix="masr-fuzz-seeds-") as folder:
            findings = attempt(TARGETS[name].open(Path(folder)), files)
        num_broken += bool(findings)
        for found in findings:
            print(f"{path}: {found.line()}\n{found.trace}")
        if not findings:
            print(f"{path}: breaks nothing")
    return 1 if num_broken else 0


class _Progress:
    """A line that says how far a target is: written over on a screen, seldom in a log."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_screen = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._next = 0.0 if self._is_screen else _PROGRESS_SEC

    def __call__(self, num_inputs: int, seconds: float, num_found: int) -> None:
        if seconds < self._next:
            return
        self._next = seconds + (0.5 if self._is_screen else 3 * _PROGRESS_SEC)
        print(self._line(num_inputs, seconds, num_found), end="\r" if self._is_screen else "\n", flush=True)

    def end(self, outcome: Outcome) -> None:
        """The last line of a target."""
        print(self._line(outcome.num_inputs, outcome.seconds, len(outcome.findings)), flush=True)

    def _line(self, num_inputs: int, seconds: float, num_found: int) -> str:
        rate = num_inputs / max(seconds, 1e-3)
        return f"fuzz: {self._name:14} {num_inputs:>10,} inputs, {rate:>7,.0f} a second, {num_found} found"


def _table(outcomes: list[Outcome]) -> str:
    kinds = ("traceback", "crash", "hang", "memory", "stray", "not finite")
    head = ("target", "inputs", "seconds", *kinds)
    rows: list[tuple[str, ...]] = [head]
    for outcome in outcomes:
        counts = [sum(found.kind == kind for found in outcome.findings.values()) for kind in kinds]
        rows.append((outcome.name, f"{outcome.num_inputs:,}", f"{outcome.seconds:.0f}", *map(str, counts)))
    total, seconds = sum(o.num_inputs for o in outcomes), sum(o.seconds for o in outcomes)
    num_found = sum(len(o.findings) for o in outcomes)
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(w) if not i else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))
        for row in rows
    ]
    return "\n".join([*lines, f"fuzz: {total:,} inputs in {seconds:.0f} s, {num_found or 'nothing'} found"])


if __name__ == "__main__":
    sys.exit(main())
