"""A table in the formats it leaves in: text, Markdown, LaTeX, CSV, JSON, a figure for a page."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from masr.io.figure import Axis, Bars, Series
from masr.io.figure_file import to_json
from masr.io.json_file import plain
from masr.tables.cells import Row
from masr.tables.claims import Claim
from masr.tables.gates import Gate
from masr.tables.layout import BESIDE_WHAT, Page, Sheet, corpus_line, heading, page_of
from masr.tables.outcome import Outcome


def text(outcome: Outcome) -> str:
    """The table as plain text, for a file or a screen without colours."""
    page = page_of(outcome)
    parts = [page.title, "=" * len(page.title), "", *page.lines]
    for sheet in page.sheets:
        widths = [max(len(row[n]) for row in (sheet.headings, *sheet.rows)) for n in range(len(sheet.headings))]
        rule = "  ".join("-" * width for width in widths)
        parts += ["", sheet.heading.upper()] if sheet.heading else []
        parts += ["", sheet.title, rule, _columns(sheet.headings, widths, sheet), rule]
        for place, row in enumerate(sheet.rows):
            if _new_group(sheet, place):
                parts.append("")
            parts.append(_columns(row, widths, sheet))
        parts += [rule, *sheet.after]
    return "\n".join([*parts, "", *page.notes]) + "\n"


def brief(outcome: Outcome) -> str:
    """What a demonstration ends with: each system's scores beside what they are measured against, and the sentences.

    Seeds, hours, commits, tests and notes are left to the other formats.
    """
    page = page_of(outcome)
    columns = [heading(column) for column in outcome.plan.table.columns]
    rows = [("", *columns)]
    scores = 2 if page.sheets[0].title == BESIDE_WHAT else 1
    for sheet in page.sheets[:scores]:
        places = [sheet.headings.index(head) if head in sheet.headings else None for head in columns]
        rows += [(row[0], *("" if place is None else row[place] for place in places)) for row in sheet.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    after = [line for sheet in page.sheets for line in sheet.after]
    return "\n".join([page.title, corpus_line(outcome), "", *lines, *([""] if after else []), *after]) + "\n"


def markdown(outcome: Outcome, level: int = 2) -> str:
    """The table as Markdown: one heading, then tables."""
    page = page_of(outcome)
    parts = [f"{'#' * level} {_md(page.title)}", *map(_md, page.lines)]
    for sheet in page.sheets:
        lines = [_md_row(sheet.headings), _md_row([_align(sheet, n) for n in range(len(sheet.headings))], escape=False)]
        title = f"**{_md(sheet.title)}**" if sheet.title != page.title else ""
        above = f"{'#' * (level + 1)} {_md(sheet.heading)}" if sheet.heading else ""
        parts += [*filter(None, [above, title]), "\n".join(lines + [_md_row(row) for row in sheet.rows])]
        parts += map(_md, sheet.after)
    return "\n\n".join([*parts, *map(_md, page.notes)]) + "\n"


def latex(outcome: Outcome) -> str:
    """The table as LaTeX for booktabs; hours, commits and tasks are left to the other formats."""
    page = page_of(outcome)
    caption = f"{page.title}. {page.lines[-3]} {page.lines[-2]}. {' '.join(page.notes[:2])}"
    return "\n".join(_latex_sheet(page, sheet, caption) for sheet in page.sheets)


def csv_rows(outcome: Outcome) -> str:
    """The table as CSV, for spreadsheets and plots: a line for every row, column and seed."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["row", "group", "label", "column", "unit", "seed", "value", "low", "high", "count"])
    for row in outcome.rows:
        for column in outcome.plan.table.columns:
            cell = row.cells[column.name]
            for seed in outcome.plan.size.seeds if cell.wanted else ():
                score = cell.scores.get(seed)
                values = [score.value, score.low, score.high, score.count] if score else [None] * 4
                writer.writerow([row.name, row.group, row.label, column.name, column.unit, seed, *values])
    return stream.getvalue()


def json_text(outcome: Outcome) -> str:
    """Everything, for programs."""
    plan = outcome.plan
    found = {
        "title": plan.table.title,
        "corpus": plan.table.corpus,
        "size": plan.size_name,
        "embedded": outcome.embedded if outcome.embedded is not None else plan.size.embedded,
        "seeds": list(plan.size.seeds),
        "tasks": {"done": outcome.num_done, "all": outcome.num_tasks},
        "hours": outcome.hours,
        "commits": list(outcome.commits),
        "columns": plan.table.columns,
        "levels": plan.levels,
        "rows": [_json_row(row) for row in outcome.rows],
        "gates": [_json_gate(gate) for gate in outcome.gates],
        "reported": [
            {**vars(b.reported), "shown": b.shown, "ours": b.ours, "difference": b.difference} for b in outcome.beside
        ],
        "smallest_effect": plan.table.smallest_effect,
        "families": outcome.families(),
        "orderings": [_json_claim(claim) for claim in outcome.claims],
    }
    return json.dumps(plain(found), indent=1, ensure_ascii=False) + "\n"


def figure(outcome: Outcome) -> str:
    """The first column as a figure file: a bar for each row that has a score, its interval, and the table's sentences.

    `masr report --first` opens a page with it.
    """
    plan = outcome.plan
    column = plan.table.columns[0]
    shown = [(row, mean) for row in outcome.rows if (mean := row.cells[column.name].mean) is not None]
    level = next((level for level in plan.table.levels if column.name in plan.levels[level.name]), None)
    page = page_of(outcome)
    bars = Bars(
        page.title,
        tuple(row.label for row, _ in shown),
        (
            Series(
                column.label,
                np.array([mean.value for _, mean in shown]),
                np.array([_or_nan(mean.low) for _, mean in shown]),
                np.array([_or_nan(mean.high) for _, mean in shown]),
            ),
        ),
        Axis(column.label, column.unit),
        None if level is None else plan.levels[level.name][column.name],
        "" if level is None else level.label or level.name,
        " ".join(plan.table.about.split()),
        corpus_line(outcome),
        tuple(line for sheet in page.sheets for line in sheet.after),
    )
    return to_json(bars) + "\n"


def _or_nan(end: float | None) -> float:
    return math.nan if end is None else end


FORMATS: dict[str, Callable[[Outcome], str]] = {
    "text": text,
    "brief": brief,
    "markdown": markdown,
    "latex": latex,
    "csv": csv_rows,
    "json": json_text,
    "figure": figure,
}


def _json_row(row: Row) -> dict[str, Any]:
    cells = {
        name: {
            "mean": cell.mean,
            "interval": cell.interval,
            "seeds": {
                str(seed): {"value": score.value, "low": score.low, "high": score.high, "count": score.count}
                for seed, score in cell.scores.items()
            },
            "wanted": cell.wanted,
            "trouble": cell.trouble,
        }
        for name, cell in row.cells.items()
    }
    return {
        "name": row.name,
        "group": row.group,
        "label": row.label,
        "role": row.role,
        "hours": row.hours,
        "commits": list(row.commits),
        "status": row.status or "done",
        "cells": cells,
    }


def _json_gate(gate: Gate) -> dict[str, Any]:
    return {
        "row": gate.row,
        "column": gate.column,
        "above": {hurdle.name: hurdle.passed for hurdle in gate.hurdles},
        "passes": gate.passes,
    }


def _json_claim(claim: Claim) -> dict[str, Any]:
    found = claim.comparison
    return {
        "claim": claim.ordering.claim,
        "family": claim.family,
        "better": claim.better,
        "than": claim.than or claim.ordering.level,
        "column": claim.column,
        "gain": found.gain,
        "p_value": found.p_value,
        "p_adjusted": found.p_adjusted,
        "standard_error": found.error,
        "degrees_of_freedom": found.degrees,
        "found_with_power_0.8": found.detectable,
        "verdict": found.verdict,
        "reason": found.reason,
    }


def _columns(row: tuple[str, ...], widths: list[int], sheet: Sheet) -> str:
    last = len(row) - 1
    cells = [
        cell.ljust(width) if place < sheet.num_words or place == last else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _new_group(sheet: Sheet, place: int) -> bool:
    return bool(sheet.groups) and place > 0 and sheet.groups[place] != sheet.groups[place - 1]


def _align(sheet: Sheet, place: int) -> str:
    return "---" if place < sheet.num_words or place == len(sheet.headings) - 1 else "---:"


def _md(line: str) -> str:
    """Text that Markdown leaves alone."""
    return re.sub(r"([\\`*_{}<>|])", r"\\\1", line)


def _md_row(row: tuple[str, ...] | list[str], escape: bool = True) -> str:
    return "| " + " | ".join(_md(cell) if escape else cell for cell in row) + " |"


_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "<": r"$<$",
    ">": r"$>$",
}


def _tex(line: str) -> str:
    escaped = "".join(_TEX.get(character, character) for character in line)
    return re.sub(r"(?<![\w.\]-])-(?=\d)", "$-$", escaped)


def _latex_sheet(page: Page, sheet: Sheet, caption: str) -> str:
    first = sheet.title == page.title
    kept = [n for n, name in enumerate(sheet.headings) if name not in ("hours", "commit", "tasks")]
    spec = "".join("l" if place < sheet.num_words else "r" for place in kept)
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_tex(caption if first else sheet.title)}}}",
        rf"  \begin{{tabular}}{{{spec}}}",
        r"    \toprule",
        "    " + " & ".join(_tex(sheet.headings[n]) for n in kept) + r" \\",
        r"    \midrule",
    ]
    for place, row in enumerate(sheet.rows):
        lines += [r"    \addlinespace"] if _new_group(sheet, place) else []
        lines.append("    " + " & ".join(_tex(row[n]) for n in kept) + r" \\")
    after = [rf"  \par {_tex(line)}" for line in sheet.after]
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", *after, r"\end{table}", ""])
