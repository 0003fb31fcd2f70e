"""What `masr data` prints: findings rule by rule, repairs, and tables of figures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.table import Table

    from masr.io.datadir.fix import Fixed
    from masr.io.datadir.report import Findings
    from masr.io.datadir.summary import LabelCount, Summary

T = TypeVar("T")


def show_report(report: Findings) -> None:
    """Rule by rule, each with its fix once; one line where there is nothing to say."""
    if not report.total:
        print(f"{report.folder}: {report.num_utts} utterances, every rule is kept")
        return
    for (rule, table), count in sorted(report.counts.items()):
        found = [f for f in report.findings if f.rule == rule and f.path.name == table]
        for finding in found:
            print(finding)
        if count > len(found):
            print(f"  ... and {count - len(found)} more (--all lists them)")
        print(f"  fix: {found[0].fix}")
    print(f"{report.folder}: {report.num_utts} utterances, {report.total} problems")


def show_fixed(done: Fixed, shown: int | None) -> None:
    """What a repair dropped, why, and where the tables are as they were."""
    for why, count in sorted(done.dropped.items()):
        print(f"{done.folder}: dropped {count}: {why}")
    names = done.dropped_utts[:shown]
    if names:
        more = "" if len(names) == len(done.dropped_utts) else " ... (--all lists them)"
        print(f"{done.folder}: utterances dropped: {' '.join(names)}{more}")
    if done.renamed:
        print(f"{done.folder}: renamed {done.renamed} utterances to begin with their speaker's id")
    kept = f"kept {done.num_after} of {done.num_before} utterances"
    changed = f"rewrote {', '.join(done.changed)}" if done.changed else "nothing had to be changed"
    print(f"{done.folder}: {kept}; {changed}" + (f"; as they were: {done.backup}" if done.backup else ""))


def show_summary(summaries: Sequence[Summary], overlapping: bool = False) -> None:
    """One row a directory, and their total where no utterance would be counted twice."""
    from rich.table import Table

    table = Table(title="data directories")
    table.add_column("directory", overflow="fold")
    for name in ("utterances", "hours", "mean s", "speakers", "languages", "frames", "left out"):
        table.add_column(name, justify="right")
    table.add_column("known of each utterance", overflow="fold")
    for row in summaries:
        table.add_row(
            str(row.folder),
            f"{row.num_utts:,}",
            _figure(row.total_sec, lambda sec: f"{sec / 3600:.2f}"),
            _figure(row.mean_sec, lambda sec: f"{sec:.2f}"),
            f"{row.num_speakers:,}",
            _figure(row.num_languages, str),
            _figure(row.num_frames, lambda num: f"{num:,}"),
            str(row.num_left_out or "-"),
            " ".join(row.kinds) or "-",
        )
    if len(summaries) > 1 and not overlapping:
        seconds = [row.total_sec for row in summaries if row.total_sec is not None]
        frames = [row.num_frames for row in summaries if row.num_frames is not None]
        table.add_section()
        utts = sum(row.num_utts for row in summaries)
        hours = f"{sum(seconds) / 3600:.2f}" if seconds else "-"
        left_out = sum(row.num_left_out for row in summaries)
        total = f"{sum(frames):,}" if frames else "-"
        table.add_row("together", f"{utts:,}", hours, "", "", "", total, str(left_out or "-"), "")
    _print(table)


def show_labels(folder: Path, kind: str, counts: Sequence[LabelCount]) -> None:
    """One row a label, the most frequent first."""
    from rich.table import Table

    table = Table(title=f"{kind} in {folder}")
    table.add_column(kind, overflow="fold")
    for name in ("utterances", "hours", "speakers"):
        table.add_column(name, justify="right")
    for row in counts:
        hours = _figure(row.total_sec, lambda sec: f"{sec / 3600:.2f}")
        table.add_row(row.label, f"{row.num_utts:,}", hours, f"{row.num_speakers:,}")
    _print(table)


def _figure(value: T | None, text: Callable[[T], str]) -> str:
    return "-" if value is None else text(value)


def _print(table: Table) -> None:
    """As wide as the terminal; in a log wide enough that nothing is cut."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 140
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)
