"""Breaks masr from outside and prints what was lost: `make torture`.

usage: PYTHONPATH=tools python -m torture [--kills N] [--others N] [--seconds S] [--seed S] [--only TORTURE|VICTIM ...]
       PYTHONPATH=tools python -m torture soak OUT [--hours H] [--every S]

Exit code 1: something was lost.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from torture import rounds, soak
from torture.disks import NotHereError
from torture.victims import build

_SHOWN = 2_000


def main() -> int:
    """Everything, or what --only names; the table comes last."""
    if sys.argv[1:2] == ["soak"]:
        return soak.main(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of a training; of the others a fifth (default 100)")
    parser.add_argument(
        "--others", type=int, default=10, help="how often each other fault, of each victim (default 10)"
    )
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no torture after so many")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument("--only", nargs="+", default=[], help="tortures and victims, by their names")
    parser.add_argument("--work", type=Path, help="folder to work in, kept; default: one that goes away")
    args = parser.parse_args()
    work = args.work or Path(tempfile.mkdtemp(prefix="torture."))
    try:
        return torture(work.absolute(), args)
    finally:
        if args.work is None:
            shutil.rmtree(work, ignore_errors=True)


def torture(work: Path, args: argparse.Namespace) -> int:
    """Builds the victims and strikes them; 1 where something was lost."""
    import torch  # once, for all processes that are forked from here

    torch.set_num_threads(1)
    since = time.monotonic()
    victims = build(work)
    os.chdir(work)
    known = {*rounds.TORTURES, *victims}
    if unknown := sorted(set(args.only) - known):
        print(f"torture: there is no {', '.join(unknown)}; choose from {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    kinds = [kind for kind in rounds.TORTURES if kind in args.only] or list(rounds.TORTURES)
    names = [name for name in victims if name in args.only] or list(victims)
    done: Counter[tuple[str, str]] = Counter()
    lost: Counter[tuple[str, str]] = Counter()
    alone: dict[str, rounds.Undisturbed] = {}
    for kind, name, count in rounds.plan(kinds, names, args.kills, args.others):
        for number in range(count):
            if time.monotonic() - since > args.seconds:
                break
            if name not in alone:
                alone[name] = rounds.leave_alone(victims[name])
            try:
                found = rounds.TORTURES[kind](alone[name], random.Random(f"{args.seed} {kind} {name} {number}"))
            except NotHereError as reason:
                print(f"{kind}: left out: {reason}", flush=True)
                break
            done[kind, name] += 1
            lost[kind, name] += bool(found)
            for what in found:
                print(f"{kind}, {name}, number {number}: {what[:_SHOWN]}", flush=True)
    print(table(done, lost))
    return int(bool(lost.total()))


def table(done: Counter[tuple[str, str]], lost: Counter[tuple[str, str]]) -> str:
    """A row for each torture and victim: how often, and how often something was lost."""
    rows = [("torture", "of", "times", "lost")]
    rows += [(kind, name, str(count), str(lost[kind, name])) for (kind, name), count in done.items()]
    rows.append(("all", "", str(done.total()), str(lost.total())))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
