"""Breaks masr in many small ways, and says which of them no test notices.

  python tools/mutants/mutants.py [--room ROOM ...] [--tests CHECKOUT] [--out TSV]
  python tools/mutants/mutants.py --judged

A seeded choice from the syntax trees of the files that rooms.py names; each mutant runs against the tests of its room,
those of its own file first, until one fails. What is broken is a temporary copy. The TSV has a line for each mutant:
its state is `killed`, `timeout` (noticed, too: it took too long), or `survived`. judged.tsv holds what was thought of
survivors: `equivalent` where no input can tell, `gap` where a test is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from rooms import ROOMS, Room
from syntax import Mutant, mutants_of

CHECKOUT = Path(__file__).resolve().parents[2]
COLUMNS = ("room", "file", "line", "kind", "before", "after", "state", "sec", "test")
COPIED = ("masr", "tests", "utils", "egs", "tools", "setup.cfg", "pyproject.toml")
SEED = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--room", nargs="*", choices=ROOMS, default=[], metavar="ROOM", help=", ".join(ROOMS))
    parser.add_argument("--tests", type=Path, default=CHECKOUT, help="a checkout whose tests are run (default: this)")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "build" / "mutants.tsv")
    parser.add_argument("--limit", type=int, default=300, help="seconds of CPU for one mutant (default: %(default)s)")
    parser.add_argument(
        "--judged", action="store_true", help="print what judged.tsv says of each room, and run nothing"
    )
    args = parser.parse_args()
    if args.judged:
        print("\n".join(table_of_judged(Path(__file__).with_name("judged.tsv"))))
        return
    args.out.parent.mkdir(parents=True, exist_ok=True)
    import_all()
    with tempfile.TemporaryDirectory(prefix="mutants") as folder, args.out.open("w", encoding="utf-8") as out:
        copy_checkout(args.tests.resolve(), Path(folder))
        print(*COLUMNS, sep="\t", file=out, flush=True)
        for name in args.room or ROOMS:
            noticed, count = run_room(name, ROOMS[name], Path(folder), args.limit, out)
            print(f"{name}: {noticed} of {count} noticed", flush=True)


def table_of_judged(judged: Path) -> Iterator[str]:
    """What came of the mutants that are drawn, as Markdown: whatever is not among those judged was noticed."""
    yield "| room | run | noticed before | survivors: equivalent | gaps, closed | gaps, open |"
    yield "| --- | --- | --- | --- | --- | --- |"
    lines = [line.split("\t") for line in judged.read_text("utf-8").splitlines()[1:]]
    sums = [0] * 5
    for name, room in ROOMS.items():
        files = {str(path.relative_to(CHECKOUT)) for path in room.paths(CHECKOUT)}
        mine = [(judgement, why) for file, _, _, _, judgement, why in lines if file in files]
        equivalent = sum(judgement == "equivalent" for judgement, _ in mine)
        closed = sum(judgement == "gap" and "closed" in why for judgement, why in mine)
        figures = [room.count, room.count - len(mine), equivalent, closed, len(mine) - equivalent - closed]
        sums = [a + b for a, b in zip(sums, figures, strict=True)]
        yield f"| {name} | {' | '.join(map(str, figures))} |"
    yield f"| all | {' | '.join(map(str, sums))} |"


def copy_checkout(tests: Path, folder: Path) -> None:
    """What a test needs: all of it from this checkout, but for tests/."""
    for part in COPIED:
        source = (tests if part == "tests" else CHECKOUT) / part
        leave_out = (
            shutil.ignore_patterns("__pycache__", "corpus", "data", "exp", "downloads") if part == "egs" else None
        )
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=leave_out or shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)


def run_room(name: str, room: Room, copy: Path, limit: int, out: TextIO) -> tuple[int, int]:
    """Noticed mutants, and all of them; each is a line of `out`."""
    chosen = choose(name, room, copy)
    noticed = 0
    for mutant in chosen:
        whole = mutant.path.read_bytes()
        mutant.path.write_bytes(mutant.source(whole))
        state, seconds, test = run_tests(copy, parts_of(copy, room, mutant.path), limit)
        mutant.path.write_bytes(whole)
        noticed += state != "survived"
        place = (name, mutant.path.relative_to(copy), mutant.line, mutant.kind)
        texts = (" ".join(text.split()) for text in (mutant.before, mutant.text))
        print(*place, *texts, state, f"{seconds:.1f}", test, sep="\t", file=out, flush=True)
    if noticed == len(chosen):  # one that survives shows that the tests pass
        state, _, test = run_tests(copy, parts_of(copy, room), limit * 5)
        if state != "survived":
            sys.exit(f"{name}: the tests fail without any mutant: {test}")
    return noticed, len(chosen)


def choose(name: str, room: Room, copy: Path) -> list[Mutant]:
    """`room.count` mutants, no two of one line. The kind is drawn first: no frequent kind makes up most of them."""
    draw = random.Random(f"{SEED} {name}")
    by_kind: dict[str, list[Mutant]] = {}
    for path in room.paths(copy):
        for mutant in mutants_of(path):
            by_kind.setdefault(mutant.kind, []).append(mutant)
    chosen: dict[tuple[Path, int], Mutant] = {}
    while len(chosen) < room.count:
        mutant = draw.choice(by_kind[draw.choice(sorted(by_kind))])
        chosen.setdefault((mutant.path, mutant.line), mutant)
    return [chosen[place] for place in sorted(chosen)]


def parts_of(copy: Path, room: Room, broken: Path | None = None) -> list[list[str]]:
    """Its tests: first those that are named like the broken file or its folder, then the rest."""
    places = [copy / test for test in room.tests]
    files = [file for place in places for file in (sorted(place.rglob("test_*.py")) if place.is_dir() else [place])]
    near: list[Path] = []
    if broken is not None:
        near = [file for file in files if file.stem.removeprefix("test_") in (broken.stem, broken.parent.name)]
        module = ".".join(broken.relative_to(copy).with_suffix("").parts)
        if room.apart:
            files = [file for file in files if file in places or f"from {module} import" in file.read_text("utf-8")]
    parts = [near, [file for file in files if file not in near]]
    return [[str(file.relative_to(copy)) for file in part] for part in parts if part]


def import_all() -> None:
    """What most tests need and no mutant is part of, once for all of them."""
    for name in (
        "hypothesis",
        "pytest",
        "safetensors.torch",
        "scipy.stats",
        "sklearn.cluster",
        "torch._dynamo",
        "yaml",
    ):
        importlib.import_module(name)


class FirstFailure:
    """Writes which test failed first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pytest_runtest_logreport(self, report: object) -> None:
        if getattr(report, "failed", False) and not self.path.exists():
            self.path.write_text(getattr(report, "nodeid", ""))

    def pytest_collectreport(self, report: object) -> None:
        self.pytest_runtest_logreport(report)


def run_tests(copy: Path, parts: Sequence[Sequence[str]], limit: int) -> tuple[str, float, str]:
    """State, seconds, and the first test that failed: each part in a fork of this process, with a group of its own."""
    start = time.monotonic()
    state = test = ""
    for files in parts:
        state, test = run_part(copy, files, limit)
        if state != "survived":
            break
    return state, time.monotonic() - start, test


def run_part(copy: Path, files: Sequence[str], limit: int) -> tuple[str, str]:
    """State, and the first test that failed. What waits for ever is ended too, at ten times the limit."""
    temporary = Path(tempfile.mkdtemp(prefix="mutant"))
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        os._exit(run_pytest(copy, files, temporary))
    code = wait(pid, time.monotonic() + 10 * limit)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    failed = temporary / "failed"
    test = failed.read_text() if failed.exists() else ""
    shutil.rmtree(temporary, ignore_errors=True)
    return "timeout" if code in (None, -signal.SIGXCPU, -signal.SIGKILL) else "killed" if code else "survived", test


def wait(pid: int, deadline: float) -> int | None:
    """The exit code, or None where it did not end in time."""
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def run_pytest(copy: Path, files: Sequence[str], temporary: Path) -> int:
    """Its exit code, in this process; quiet."""
    import pytest

    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silent, descriptor)
    sys.path.insert(0, str(copy))  # and the script's folder stays: a spawned process imports the script
    sys.dont_write_bytecode = True
    os.environ.update(PYTHONPATH=str(copy), PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1")
    os.chdir(copy)
    options = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={temporary / 'tests'}"]
    return int(pytest.main([*options, *files], plugins=[FirstFailure(temporary / "failed")]))


if __name__ == "__main__":
    main()
