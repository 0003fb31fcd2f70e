"""A table as a command line names it: its file, its plan with what is changed of it, RESULTS.md of a whole folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from masr.errors import ConfigError, UsageError, near
from masr.files import ordinary
from masr.io.atomic import atomic_write
from masr.io.layout import RESOLVED_DIGESTS
from masr.tables.config import TableConfig, read_table, size_of
from masr.tables.outcome import outcome_of
from masr.tables.plan import Plan, folders_of, make_plan, recipe_of
from masr.tables.resolved import Resolve, ResolvedDigests
from masr.tables.results import RESULTS, copy_pictures, results


@dataclass(frozen=True)
class Given:
    """What is said beside a table's name; each is an option of `masr table`."""

    data: Path | None = None
    exp: Path | None = None
    conf: Path | None = None
    set: Sequence[str] = ()
    """NAME=VALUE."""


def find_table(name: str) -> Path:
    """The file of a table, given by its path or by its name."""
    for path in (Path(name), Path("tables") / f"{name}.yaml"):
        if path.is_file():
            return path
    known = [path.stem for path in Path("tables").glob("*.yaml")]
    fix = f"{near(Path(name).stem, known)}; or give the path of its file" if known else "give the path of its file"
    raise UsageError(f"there is no table {name}", fix=fix)


def open_plan(path: Path, size: str | None, given: Given, verbs: Collection[str], resolved_settings: Resolve) -> Plan:
    """The plan of one size of a table, its first where none is named.

    `verbs` are those that its steps may call, and `resolved_settings` makes whole configurations of what these read.
    """
    table = read_table(path)
    size = size or next(iter(table.sizes))
    size_of(table, size, path)
    for step in table.steps:
        if step.command[1] not in verbs:
            what = f"{path}: step {step.name}: there is no verb {step.command[1]!r}"
            raise ConfigError(what, fix=near(step.command[1], verbs))
    folders = folders_of(path, size, given.data, given.exp, given.conf)
    resolved = ResolvedDigests(folders.tables / RESOLVED_DIGESTS, resolved_settings)
    plan = make_plan(table, size, folders, resolved, _variables(table, given.set))
    resolved.keep()
    return plan


def _variables(table: TableConfig, changes: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in changes:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--set {text} is not NAME=VALUE", fix="as in --set size=tiny")
        known = table.variable_names()
        # Recipes give theirs to all of their tables, so only what looks misspelt is refused.
        if name not in known and get_close_matches(name, known, cutoff=0.8):
            raise UsageError(f"--set {text}: the table has no variable {name!r}", fix=near(name, known))
        found[name] = value
    return found


def write_results(
    folder: Path,
    out: Path | None,
    given: Given,
    verbs: Collection[str],
    resolved_settings: Resolve,
    only: Sequence[str] = (),
) -> tuple[Path, int, int]:
    """RESULTS.md of all tables of a folder, how many there are, and how many stay on it as they stood there."""
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise UsageError(f"{folder} holds no table", fix="give a recipe's folder tables/")
    names = [path.stem for path in paths]
    for name in only:
        if name not in names:
            raise UsageError(f"--only {name}: {folder} has no such table", fix=near(name, names))
    found = {
        path: [outcome_of(open_plan(path, size, given, verbs, resolved_settings)) for size in read_table(path).sizes]
        for path in paths
    }
    out = out or recipe_of(paths[0]) / RESULTS
    copy_pictures(found, out.parent)
    before = ordinary(out).read_text(encoding="utf-8") if out.exists() else ""
    text, num_kept = results(found, read_table(paths[0]).corpus, before, only)
    atomic_write(out, text)
    return out, len(paths), num_kept
