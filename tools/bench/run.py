"""Race our code against its peers: one thread, CPU time, rounds interleaved; each race in a process of its own.

usage: python tools/bench/run.py [NAME...] [--rounds N] [--strict] [--page FILE]

Names are files of tools/bench/races/; without any, all of them run. A peer that is not installed is named.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from page import write_page
from race import RACES, Outcome, hold, text

_WIDE = {"AVX2": "avx2", "AVX-512": "avx512f", "AVX-512 bf16": "avx512_bf16", "AMX bf16": "amx_bf16", "NEON": "asimd"}


def processor() -> str:
    """What the figures are of: the CPU's name, and which wide instructions it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    said = dict(line.replace("\t", "").split(": ", 1) for line in lines if ": " in line)
    flags = said.get("flags", said.get("Features", "")).split()
    wide = [name for name, flag in _WIDE.items() if flag in flags]
    return f"{said.get('model name', platform.machine())}, {', '.join(wide) or 'no wide instructions known'}"


def main() -> int:
    known = sorted(path.stem for path in RACES.glob("*.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="races: " + ", ".join(known))
    parser.add_argument("--rounds", type=int, default=5, help="turns of each runner (default 5)")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed, or a race fails")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write what came out into this page as well")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in known]
    if unknown or args.rounds < 1:
        print(f"bench: no race {', '.join(unknown)}; choose from: {', '.join(known)}", file=sys.stderr)
        return 2
    if args.page and not args.page.parent.is_dir():  # told before half an hour of races, not after
        print(f"bench: {args.page.parent} is no folder; give --page a file in one that is there", file=sys.stderr)
        return 2
    # Before any race imports numpy or torch.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        os.environ[variable] = "1"
    print(f"processor: {processor()}\n", flush=True)
    outcomes = []
    for name in args.names or known:
        outcomes.append(alone(name, args.rounds))
        print(text(outcomes[-1]), end="\n\n", flush=True)
    if args.page:
        write_page(args.page, processor(), outcomes)
    return int(args.strict and any(outcome.is_late for outcome in outcomes))


def alone(name: str, rounds: int) -> Outcome:
    """A race in a process of its own: the memory that one race has touched makes the next one's peers faster."""
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            return pool.submit(hold, name, rounds).result()
    except BrokenProcessPool:
        return Outcome(name, trouble="its process ended without a word, as where memory runs out")


if __name__ == "__main__":
    sys.exit(main())
