"""Tell what this machine has, what is missing, and how to get it.

Exits 2 where something that masr cannot do without is missing or broken, 0 otherwise.

example:
  masr doctor
  masr doctor --json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.cli.doctor_checks import Finding

_MARKS = {"ok": "ok", "absent": "--", "warning": "!!", "broken": "NO"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr doctor`."""
    parser.add_argument("--json", action="store_true", help="for programs: a list of findings")
    parser.add_argument(
        "--disk", metavar="DIR", type=Path, default=Path(), help="whose disk to look at (default: here)"
    )


def run(args: argparse.Namespace) -> int:
    """Prints the findings; 2 where a required one is missing."""
    from masr.cli.doctor_checks import examine
    from masr.errors import UsageError

    if not args.disk.exists():
        raise UsageError(f"{args.disk}: no such folder", fix="name a folder that exists")
    findings = examine(args.disk)
    if args.json:
        print(json.dumps([finding.record() for finding in findings], indent=2, ensure_ascii=False))
    else:
        print("\n".join(_page(findings)))
    return 2 if any(finding.state == "broken" for finding in findings) else 0


def _page(findings: list[Finding]) -> list[str]:
    lines: list[str] = []
    width = max(len(finding.name) for finding in findings)
    group = ""
    for finding in findings:
        if finding.group != group:
            group = finding.group
            lines += ["", group] if lines else [group]
        lines.append(f"  {_MARKS[finding.state]}  {finding.name:<{width}}  {finding.found}")
        if finding.fix:
            lines.append(f"      {'':<{width}}  fix: {finding.fix}")
    broken = sum(finding.state == "broken" for finding in findings)
    absent = sum(finding.state == "absent" for finding in findings)
    verdict = f"{broken} required part(s) missing or broken" if broken else "everything required is here"
    return [*lines, "", f"{verdict}; {absent} optional part(s) absent. Python: {sys.executable}"]
