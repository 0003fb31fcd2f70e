"""Tell what this machine has, what is missing, and how to get it.

Exits 2 where something that masr cannot do without is missing or broken, 0 otherwise.

example:
  masr doctor
  masr doctor --json
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr doctor`."""
    parser.add_argument("--json", action="store_true", help="for programs: a list of findings")
    parser.add_argument(
        "--disk", metavar="DIR", type=Path, default=Path(), help="whose disk to look at (default: here)"
    )


def run(args: argparse.Namespace) -> int:
    """Prints the findings; 2 where a required one is missing."""
    import json

    from masr.doctor import as_json, examine, is_broken, render

    findings = examine(args.disk)
    print(json.dumps(as_json(findings), indent=2, ensure_ascii=False) if args.json else render(findings))
    return 2 if is_broken(findings) else 0
