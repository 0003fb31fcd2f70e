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
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.tables.plan import Plan

FORMATS = ("text", "markdown", "latex", "csv", "json")


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
    from masr.cli import table_print

    if args.action == "results":
        return _results(args)
    path, plan = _plan(args, find(args.table), args.size)
    if args.action == "plan":
        if args.arrays:
            table_print.print_arrays(plan)
        else:
            table_print.print_plan(plan, args.tasks)
        return 0
    if args.action == "run":
        from masr.cli.table_run import run_all, run_one
        from masr.tables.plan import recipe_of

        recipe = recipe_of(path)
        return run_all(plan, recipe) if args.number is None else run_one(plan, recipe, args.number, args.plan)
    table_print.print_table(plan, args.format, args.out)
    return 0


def find(given: str) -> Path:
    """The file of a table, given by its path or by its name."""
    from masr.errors import UsageError, near

    for path in (Path(given), Path("tables") / f"{given}.yaml"):
        if path.is_file():
            return path
    known = [path.stem for path in Path("tables").glob("*.yaml")]
    fix = f"{near(Path(given).stem, known)}; or give the path of its file" if known else "give the path of its file"
    raise UsageError(f"there is no table {given}", fix=fix)


def _plan(args: argparse.Namespace, path: Path, size: str | None) -> tuple[Path, Plan]:
    from difflib import get_close_matches

    from masr.cli.main import VERBS
    from masr.errors import ConfigError, UsageError, near
    from masr.io.layout import RESOLVED_DIGESTS
    from masr.plugins import resolved_settings
    from masr.tables.config import read_table, size_of
    from masr.tables.plan import folders_of, make_plan
    from masr.tables.resolved import ResolvedDigests

    table = read_table(path)
    size = size or next(iter(table.sizes))
    size_of(table, size, path)
    for step in table.steps:
        if step.command[1] not in VERBS:
            what = f"{path}: step {step.name}: there is no verb {step.command[1]!r}"
            raise ConfigError(what, fix=near(step.command[1], VERBS))
    variables = {}
    for text in args.set:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--set {text} is not NAME=VALUE", fix="as in --set size=tiny")
        known = table.variable_names()
        # Recipes give theirs to all of their tables, so only what looks misspelt is refused.
        if name not in known and get_close_matches(name, known, cutoff=0.8):
            raise UsageError(f"--set {text}: the table has no variable {name!r}", fix=near(name, known))
        variables[name] = value
    folders = folders_of(path, size, args.data, args.exp, args.conf)
    resolved = ResolvedDigests(folders.tables / RESOLVED_DIGESTS, resolved_settings)
    plan = make_plan(table, size, folders, resolved, variables)
    resolved.keep()
    return path, plan


def _results(args: argparse.Namespace) -> int:
    from masr.errors import UsageError
    from masr.io.atomic import atomic_write
    from masr.tables.config import read_table
    from masr.tables.outcome import outcome_of
    from masr.tables.plan import recipe_of
    from masr.tables.results import RESULTS, copy_pictures, results

    folder = Path(args.table)
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise UsageError(f"{folder} holds no table", fix="give a recipe's folder tables/")
    found = {path: [outcome_of(_plan(args, path, size)[1]) for size in read_table(path).sizes] for path in paths}
    out = args.out or recipe_of(paths[0]) / RESULTS
    copy_pictures(found, out.parent)
    atomic_write(out, results(found, read_table(paths[0]).corpus))
    print(f"{out}: {len(paths)} table{'' if len(paths) == 1 else 's'}")
    return 0
