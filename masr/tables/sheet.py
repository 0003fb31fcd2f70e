"""An outcome as sheets of words, which every format prints in its own way."""

from __future__ import annotations

from dataclasses import dataclass

from masr.tables.config import ColumnConfig
from masr.tables.outcome import Beside, Cell, Claim, Outcome, Row
from masr.tables.statistics import FEWEST_SEEDS, Mean

MISSING = "missing"
_COMMIT_LENGTH = 10


@dataclass(frozen=True)
class Sheet:
    """Headings and rows; the first `num_words` columns are words, the others figures."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    num_words: int
    groups: tuple[str, ...] = ()
    """The group of each row: a change of group is a rule across the table."""


@dataclass(frozen=True)
class Page:
    """A table as a reader sees it."""

    title: str
    lines: tuple[str, ...]
    """What stands above: corpus, how far, how long."""
    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...]


def page_of(outcome: Outcome) -> Page:
    """Everything there is to say."""
    table, size = outcome.plan.table, outcome.plan.size
    sheets = [_scores(outcome)]
    if outcome.beside:
        sheets.append(_reported(outcome))
    sheets += _claims(outcome)
    lines = [
        corpus_line(outcome),
        f"Size {outcome.plan.size_name}: {size.what}",
        f"{outcome.num_done} of {outcome.num_tasks} tasks done, {outcome.hours:.2f} hours spent"
        + (f", commit {', '.join(map(short, outcome.commits))}" if outcome.commits else ""),
    ]
    if table.about:
        lines.insert(0, " ".join(table.about.split()))
    return Page(table.title, tuple(lines), tuple(sheets), tuple(_notes(outcome)))


def corpus_line(outcome: Outcome) -> str:
    """Which data the figures come from; an embedded corpus is named as such."""
    embedded = outcome.embedded if outcome.embedded is not None else outcome.plan.size.embedded
    if embedded:
        return (
            f"Corpus: the EMBEDDED {outcome.plan.table.corpus}, synthetic speech built on the spot. Its figures test "
            "the machinery and compare rows with each other; they are not results on the real corpus."
        )
    if outcome.embedded is None:
        return f"Corpus: {outcome.plan.table.corpus} (its data directories are not here to say where they came from)."
    return f"Corpus: {outcome.plan.table.corpus}, the real one."


def short(commit: str) -> str:
    """A commit as people name it."""
    name, dash, dirty = commit.partition("-")
    return name[:_COMMIT_LENGTH] + dash + dirty


def number(value: float, digits: int, sign: bool = False) -> str:
    """With so many digits after the point; never -0."""
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return text.replace("-", "+" if sign else "", 1) if float(text) == 0 else text


def with_interval(mean: Mean, digits: int, sign: bool = False) -> str:
    """31.2 ± 1.4, or the two ends where they lie unevenly."""
    centre = number(mean.value, digits, sign)
    if mean.low is None or mean.high is None:
        return centre
    up, down = mean.high - mean.value, mean.value - mean.low
    if abs(up - down) <= 1e-9 * max(1.0, abs(up)):
        return f"{centre} ± {number(up, digits)}"
    return f"{centre} [{number(mean.low, digits, sign)}, {number(mean.high, digits, sign)}]"


def _scores(outcome: Outcome) -> Sheet:
    # What no row of this size has is no column of it.
    columns = tuple(
        one for one in outcome.plan.table.columns if any(row.cells[one.name].wanted for row in outcome.rows)
    )
    headings = ("system", *map(heading, columns), "seeds", "hours", "commit", "tasks")
    rows = tuple(_score_row(row, columns) for row in outcome.rows)
    return Sheet(outcome.plan.table.title, headings, rows, 1, tuple(row.group for row in outcome.rows))


def heading(column: ColumnConfig) -> str:
    """all: 1-NN (%)."""
    label = column.label or column.name
    unit = f" ({column.unit})" if column.unit else ""
    return (f"{column.group}: " if column.group else "") + label + unit


def _score_row(row: Row, columns: tuple[ColumnConfig, ...]) -> tuple[str, ...]:
    cells = [row.cells[column.name] for column in columns]
    wanted = [cell for cell in cells if cell.wanted]
    fewest = min(len(cell.scores) for cell in wanted)
    return (
        " ".join(filter(None, (row.group, row.label))),
        *(_cell(cell, column.digits) for cell, column in zip(cells, columns, strict=True)),
        f"{fewest} of {wanted[0].wanted}",
        f"{row.hours:.2f}",
        " ".join(map(short, row.commits)) or "-",
        row.status or "done",
    )


def _cell(cell: Cell, digits: int) -> str:
    if not cell.wanted:
        return ""
    if cell.mean is None:
        return f"{MISSING} ({cell.trouble})" if cell.trouble else MISSING
    return with_interval(cell.mean, digits)


def _reported(outcome: Outcome) -> Sheet:
    rows = tuple(_beside(outcome, beside) for beside in outcome.beside)
    headings = ("system", "score", "reported", "tag", "ours", "difference", "source")
    return Sheet("Numbers printed elsewhere, and ours beside them", headings, rows, 2)


def _beside(outcome: Outcome, beside: Beside) -> tuple[str, ...]:
    said = beside.reported
    column = next(column for column in outcome.plan.table.columns if column.name == said.column)
    relative = bool(said.relative_to)
    unit = " %" if relative else (f" {column.unit}" if column.unit else "")
    over = f" over {outcome.label(said.relative_to)}" if said.relative_to in outcome.plan.rows else ""
    return (
        outcome.label(said.row) + over,
        heading(column),
        number(said.value, column.digits, relative) + unit,
        f"[{said.tag}]",
        MISSING if beside.ours is None else with_interval(beside.ours, column.digits, relative) + unit,
        MISSING if beside.difference is None else number(beside.difference, column.digits, True),
        said.source + (f"; {said.note}" if said.note else ""),
    )


def _claims(outcome: Outcome) -> list[Sheet]:
    """A sheet for each claim."""
    headings = ("better", "than", "score", "gain", "seeds", "p", "verdict")
    return [
        Sheet(f"Claim: {words}", headings, tuple(_claim(outcome, claim) for claim in claims), 3)
        for words, claims in outcome.by_claim().items()
    ]


def _claim(outcome: Outcome, claim: Claim) -> tuple[str, ...]:
    column = next(column for column in outcome.plan.table.columns if column.name == claim.column)
    found = claim.comparison
    return (
        outcome.label(claim.better),
        outcome.label(claim.than) if claim.than else f"{claim.ordering.level:g}",
        heading(column),
        MISSING if found.gain is None else with_interval(found.gain, column.digits, True),
        "0" if found.gain is None else str(found.gain.count),
        "-" if found.p_value is None else f"{found.p_value:.3f}",
        found.verdict,
    )


def _notes(outcome: Outcome) -> list[str]:
    cells = [cell for row in outcome.rows for cell in row.cells.values()]
    used = {cell.interval for cell in cells}
    notes = []
    if "seeds" in used:
        notes.append("± is half the 95 % interval of the mean by Student's t over seeds.")
    if "file" in used:
        names = sorted({column.interval for column in outcome.plan.table.columns if column.low})
        notes.append(f"[low, high] of a row with one seed is the interval of its score file: {'; '.join(names)}.")
    if outcome.claims:
        notes.append(
            "A claim holds, or does not, where a paired t test over seeds is significant at 5 % in that direction, "
            f"each by itself; never with fewer than {FEWEST_SEEDS} seeds. "
            "Where all seeds agree to the last digit, p is - and the scores' own intervals decide: they must not meet."
        )
    if outcome.beside:
        notes.append("[paper]: the authors; [digest]: a third party's summary; [ours]: an earlier measurement of ours.")
    if any(row.hours for row in outcome.rows):
        notes.append("Hours of a row count what it shares with others; the total counts every task once.")
    return notes
