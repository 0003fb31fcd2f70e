"""Data directories on a screen: findings rule by rule, repairs, and tables of figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from masr.io.screen import draw

if TYPE_CHECKING:
    from masr.io.datadir.fix import Fixed
    from masr.io.datadir.report import Findings
    from masr.io.datadir.summary import LabelCount, Summary

T = TypeVar("T")
_WIDTH_IN_LOG = 140


def render_report(report: Findings) -> str:
    """Rule by rule, each with its fix once; one line where there is nothing to say."""
    notes = "".join(f"; {note}" for note in report.notes)
    if not report.total:
        return f"{report.folder}: {report.num_utts} utterances, every rule is kept{notes}"
    lines = []
    for (rule, table), count in sorted(report.counts.items()):
        found = [f for f in report.findings if f.rule == rule and f.path.name == table]
        lines += [str(finding) for finding in found]
        if count > len(found):
            lines.append(f"  ... and {count - len(found)} more (--all lists them)")
        lines.append(f"  fix: {found[0].fix}")
    return "\n".join([*lines, f"{report.folder}: {report.num_utts} utterances, {report.total} problems{notes}"])


def render_fixed(done: Fixed, shown: int | None) -> str:
    """What a repair dropped, why, and where the tables are as they were."""
    lines = [f"{done.folder}: dropped {count}: {why}" for why, count in sorted(done.dropped.items())]
    names = done.dropped_utts[:shown]
    if names:
        more = "" if len(names) == len(done.dropped_utts) else " ... (--all lists them)"
        lines.append(f"{done.folder}: utterances dropped: {' '.join(names)}{more}")
    if done.renamed:
        lines.append(f"{done.folder}: renamed {done.renamed} utterances to begin with their speaker's id")
    kept = f"kept {done.num_after} of {done.num_before} utterances"
    changed = f"rewrote {', '.join(done.changed)}" if done.changed else "nothing had to be changed"
    backup = f"; as they were: {done.backup}" if done.backup else ""
    return "\n".join([*lines, f"{done.folder}: {kept}; {changed}{backup}"])


def render_summary(summaries: Sequence[Summary], overlapping: bool = False) -> str:
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
    return draw(table, _WIDTH_IN_LOG)


def render_labels(folder: Path, kind: str, counts: Sequence[LabelCount]) -> str:
    """One row a label, the most frequent first."""
    from rich.table import Table

    table = Table(title=f"{kind} in {folder}")
    table.add_column(kind, overflow="fold")
    for name in ("utterances", "hours", "speakers"):
        table.add_column(name, justify="right")
    for row in counts:
        hours = _figure(row.total_sec, lambda sec: f"{sec / 3600:.2f}")
        table.add_row(row.label, f"{row.num_utts:,}", hours, f"{row.num_speakers:,}")
    return draw(table, _WIDTH_IN_LOG)


def _figure(value: T | None, text: Callable[[T], str]) -> str:
    return "-" if value is None else text(value)
