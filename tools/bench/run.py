"""Race our code against its peers: one thread, CPU time, rounds interleaved; each race in a process of its own.

usage: python tools/bench/run.py [NAME...] [--rounds N] [--strict]

Names are files of tools/bench/races/; without any, all of them run. A peer that is not installed is named.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import cast

from race import RACES, Race, open_copy, run, table

_WIDE = {"AVX2": "avx2", "AVX-512": "avx512f", "AVX-512 bf16": "avx512_bf16", "AMX bf16": "amx_bf16", "NEON": "asimd"}


def processor() -> str:
    """What the figures are of: the CPU's name, and which wide instructions it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"processor: {platform.processor() or platform.machine()}"
    said = dict(line.replace("\t", "").split(": ", 1) for line in lines if ": " in line)
    flags = said.get("flags", said.get("Features", "")).split()
    wide = [name for name, flag in _WIDE.items() if flag in flags]
    return f"processor: {said.get('model name', platform.machine())}, {', '.join(wide) or 'no wide instructions known'}"


def main() -> int:
    known = sorted(path.stem for path in RACES.glob("*.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="races: " + ", ".join(known))
    parser.add_argument("--rounds", type=int, default=5, help="turns of each runner (default 5)")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in known]
    if unknown or args.rounds < 1:
        print(f"bench: no race {', '.join(unknown)}; choose from: {', '.join(known)}", file=sys.stderr)
        return 2
    # Before any race imports numpy or torch.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        os.environ[variable] = "1"
    names = args.names or known
    if len(names) > 1:
        # Each in a process of its own: the memory that one race has touched makes the next one's peers faster.
        options = ["--rounds", str(args.rounds), *(["--strict"] if args.strict else [])]
        codes = [subprocess.run([sys.executable, __file__, name, *options], check=False).returncode for name in names]
        return max(codes)
    late = False
    print(processor(), flush=True)
    for name in names:
        race = cast(Race, open_copy(name).race())
        if race.check:
            print(f"{name}: {race.check()}", flush=True)
        results = run(race, args.rounds)
        print(table(race, results), end="\n\n", flush=True)
        late = late or any(result.late(results[0]) for result in results)
    return int(late and args.strict)


if __name__ == "__main__":
    sys.exit(main())
