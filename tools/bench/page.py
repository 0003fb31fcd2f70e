"""What races came to, as a part of a page: a section for each make of processor, which a new run of it replaces."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path

from race import Line, Outcome


def write_page(path: Path, processor: str, outcomes: Sequence[Outcome]) -> None:
    """Puts the section of the processor in the place of its older one, or at the end; all else stays."""
    page = path.read_text(encoding="utf-8") if path.exists() else "# Performance\n"
    head = f"## {processor}\n"
    section = f"{head}\n{_facts()}\n\n{table(outcomes)}\n"
    older = re.compile(re.escape(head) + r".*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    if older.search(page):
        page = older.sub(lambda _: section, page, count=1)
    else:
        page = f"{page.rstrip()}\n\n{section}"
    path.write_text(page, encoding="utf-8")


def table(outcomes: Sequence[Outcome]) -> str:
    """A row for each peer of each race."""
    rows = ["| work | ours, per CPU second | beside | ours is faster by | goal |", "| --- | ---: | --- | --- | --- |"]
    for outcome in outcomes:
        if outcome.trouble:
            rows.append(f"| {outcome.title} | failed | {_cell(outcome.trouble)} | | |")
            continue
        ours, *peers = outcome.lines
        first = (
            f"| {outcome.title} | {_number(ours.rate)} {outcome.unit}"
            if ours.rate
            else f"| {outcome.title} | {ours.missing}"
        )
        for peer in peers or [Line("nobody")]:
            rows.append(f"{first} | {_cell(peer.name)} | {_faster(peer)} | {_goal(peer)} |")
            first = "| | "
    return "\n".join(rows)


def _faster(peer: Line) -> str:
    if peer.faster is None:
        return "not installed" if peer.missing else ""
    least, median, most = (f"{ratio:.2f}" for ratio in peer.faster)
    return f"{median} ({least} to {most})"


def _goal(peer: Line) -> str:
    if peer.target is None:
        return ""
    return f"{peer.target:g}: {peer.verdict.lower()}" if peer.verdict else f"{peer.target:g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _cell(words: str) -> str:
    return words.replace("|", "\\|").splitlines()[0][:120]


def _facts() -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy"))
    return f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {versions}; one thread."
