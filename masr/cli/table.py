"""The tables of papers: plan their tasks, run them, print the table as far as it is done.

  plan      tasks by wave, how many are done, running, failed and missing, and what is left to pay
  run       one task by its number (as a job array does), or without a number all that is missing, in order
  show      the table: ours with interval and seeds, the reported numbers, claims, hours, commit
  results   RESULTS.md of a recipe: all tables of its folder

TABLE is egs/CORPUS/tables/NAME.yaml, or NAME in the recipe's folder. Its commands run in the recipe's folder and write
to exp/tables/STEP/ROW-HASH, where the hash covers the command, the whole configuration and the content of the inputs:
what changes gets a new folder. A task that another process runs is refused; one whose process died is taken over.

example:
  masr table plan evidence
  masr table run evidence 3
  masr table run evidence
  masr table show egs/fleurs/tables/evidence.yaml --format markdown
  masr table results tables --data 'data_{size}' --exp 'exp_{size}'
  masr table results tables --only objectives
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import settings

FORMATS = ("text", "brief", "markdown", "latex", "csv", "json", "figure")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr table`, a sub-parser for each of its verbs."""
    verbs = parser.add_subparsers(dest="action", metavar="VERB", required=True)
    plan = verbs.add_parser("plan", help="what there is to do, what is done, what it costs")
    _table(plan)
    plan.add_argument("--tasks", action="store_true", help="list every task with its number, state and folder")
    plan.add_argument("--arrays", action="store_true", help="what is left as job arrays, one a line, for tables.sh")
    run = verbs.add_parser("run", help="run one task, or all that is missing")
    _table(run)
    run.add_argument("number", type=int, nargs="?", metavar="N", help="of the plan; without it, everything missing")
    run.add_argument("--plan", metavar="HASH", help="refuse if the plan is another than when the number was given")
    show = verbs.add_parser("show", help="print the table as far as it is done")
    _table(show)
    show.add_argument("--format", choices=FORMATS, default="text", help="default text")
    show.add_argument("--out", type=Path, metavar="FILE", help="write it there")
    results = verbs.add_parser("results", help="write RESULTS.md of a recipe")
    results.add_argument("table", metavar="FOLDER", help="the recipe's folder of tables")
    results.add_argument("--out", type=Path, metavar="FILE", help="default: RESULTS.md beside FOLDER")
    results.add_argument(
        "--only", metavar="TABLE", action="append", default=[], help="write this table anew, leave others; repeatable"
    )
    _folders(results)


def _table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="file of the table, or its name in the folder tables/")
    parser.add_argument(
        "--size", metavar="SIZE", help="mini, medium, paper, or another of the file's (default: its first)"
    )
    _folders(parser)


def _folders(parser: argparse.ArgumentParser) -> None:
    for name, what in (("data", "data directories"), ("exp", "everything else"), ("conf", "configurations")):
        parser.add_argument(
            f"--{name}",
            type=Path,
            metavar="DIR",
            help=f"{what}, {{size}} in it is the size; default {name}/ of the recipe",
        )
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="change a variable of the table"
    )


def run(args: argparse.Namespace) -> int:
    """One of the four."""
    from masr.api.schemas import resolved_settings
    from masr.cli.main import VERBS
    from masr.tables.given import Given, find_table, open_plan, write_results
    from masr.tables.plan import recipe_of
    from masr.tables.run_plan import run_all, run_one
    from masr.tables.screen import show_arrays, show_plan, show_table

    given = settings(Given, args)
    if args.action == "results":
        out, count, kept = write_results(Path(args.table), args.out, given, VERBS, resolved_settings, args.only)
        as_before = f"; {kept} stay as they stood" if kept else ""
        print(f"{out}: {count} table{'' if count == 1 else 's'}{as_before}")
        return 0
    path = find_table(args.table)
    plan = open_plan(path, args.size, given, VERBS, resolved_settings)
    if args.action == "run":
        recipe = recipe_of(path)
        return run_all(plan, recipe) if args.number is None else run_one(plan, recipe, args.number, args.plan)
    if args.action == "show":
        show_table(plan, args.format, args.out)
    elif args.arrays:
        show_arrays(plan)
    else:
        show_plan(plan, args.tasks)
    return 0
