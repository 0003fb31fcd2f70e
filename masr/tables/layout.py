"""An outcome as sheets of words, which every format prints in its own way."""

from __future__ import annotations

from dataclasses import dataclass

from masr.maths.estimate import Estimate, number
from masr.tables.cells import Cell, Row
from masr.tables.claim_config import PRIMARY, TABLE
from masr.tables.claims import Beside, Claim
from masr.tables.config import ColumnConfig
from masr.tables.gates import Gate, Hurdle
from masr.tables.outcome import Outcome
from masr.tables.table_notes import notes_of

MISSING = "missing"
BESIDE_WHAT = "Beside what"
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
    heading: str = ""
    """A heading that stands above this sheet and those that follow it."""
    after: tuple[str, ...] = ()
    """Sentences under it."""


@dataclass(frozen=True)
class Page:
    """A table as a reader sees it."""

    title: str
    lines: tuple[str, ...]
    """Lines above the sheets: which corpus, how far, how long."""
    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...]


def page_of(outcome: Outcome) -> Page:
    """Everything that a reader of the table sees."""
    table, size = outcome.plan.table, outcome.plan.size
    sheets = [*_beside_what(outcome), _scores(outcome)]
    shown = [beside for beside in outcome.beside if beside.shown]
    if shown:
        sheets.append(_reported(outcome, shown))
    sheets += _claims(outcome)
    lines = [
        corpus_line(outcome),
        f"Size {outcome.plan.size_name}: {size.what}",
        f"{outcome.num_done} of {outcome.num_tasks} tasks done, {outcome.hours:.2f} hours spent"
        + (f", commit {', '.join(map(short, outcome.commits))}" if outcome.commits else ""),
    ]
    if table.about:
        lines.insert(0, " ".join(table.about.split()))
    return Page(table.title, tuple(lines), tuple(sheets), tuple(notes_of(outcome)))


def corpus_line(outcome: Outcome) -> str:
    """A sentence on the data that the figures come from; an embedded corpus is named as such."""
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
    """The first characters of a commit, by which people name it."""
    name, dash, dirty = commit.partition("-")
    return name[:_COMMIT_LENGTH] + dash + dirty


def _beside_what(outcome: Outcome) -> list[Sheet]:
    """A sheet of the constants and the rows with a role, which the others are seen beside; none without such."""
    rows = [row for row in outcome.rows if row.role]
    levels = outcome.plan.levels
    columns = tuple(
        one
        for one in _columns(outcome)
        if any(row.cells[one.name].wanted for row in rows) or any(one.name in level for level in levels.values())
    )
    if not columns:
        return []
    constants = [
        (
            level.label or level.name,
            *(_constant(levels[level.name].get(one.name), one) for one in columns),
            "",
            "",
            "",
            "",
        )
        for level in outcome.plan.table.levels
        if any(one.name in levels[level.name] for one in columns)
    ]
    lines = [(f"{row.role}: {first}", *rest) for row in rows for first, *rest in [_score_row(row, columns)]]
    groups = (*("" for _ in constants), *("rows" for _ in rows))
    return [Sheet(BESIDE_WHAT, _headings(columns), (*constants, *lines), 1, groups)]


def _constant(value: float | None, column: ColumnConfig) -> str:
    return "" if value is None else number(value, column.digits)


def _columns(outcome: Outcome) -> tuple[ColumnConfig, ...]:
    """The columns that at least one row of this size has."""
    return tuple(one for one in outcome.plan.table.columns if any(row.cells[one.name].wanted for row in outcome.rows))


def _headings(columns: tuple[ColumnConfig, ...]) -> tuple[str, ...]:
    return ("system", *map(heading, columns), "seeds", "hours", "commit", "tasks")


def _scores(outcome: Outcome) -> Sheet:
    columns = _columns(outcome)
    shown = [row for row in outcome.rows if not row.role]
    rows = tuple(_score_row(row, columns) for row in shown)
    after = tuple(_gate(outcome, gate) for gate in outcome.gates)
    groups = tuple(row.group for row in shown)
    return Sheet(outcome.plan.table.title, _headings(columns), rows, 1, groups, after=after)


def _gate(outcome: Outcome, gate: Gate) -> str:
    """A sentence on whether a row beats what it has to."""
    column = _column(outcome, gate.column)
    system = f"{outcome.label(gate.row)} ({_or_missing(gate.mean, column)})"

    def those(*passed: str) -> str:
        return " and ".join(_hurdle(one, column) for one in gate.hurdles if one.passed in passed)

    said = {
        True: f"{system} beats {those('beats')}",
        False: f"{system} FAILS: it does not beat {those('does not beat')}",
        None: f"{system} is not judged beside {those('not judged')}: an interval is missing",
    }
    return f"Gate, {heading(column)}: {said[gate.passes]}."


def _hurdle(hurdle: Hurdle, column: ColumnConfig) -> str:
    return f"{hurdle.label} ({_or_missing(hurdle.mean, column)})"


def _or_missing(mean: Estimate | None, column: ColumnConfig) -> str:
    if mean is not None and mean.count == 0:
        return number(mean.value, column.digits)
    return MISSING if mean is None else mean.text(column.digits)


def _column(outcome: Outcome, name: str) -> ColumnConfig:
    return next(column for column in outcome.plan.table.columns if column.name == name)


def heading(column: ColumnConfig) -> str:
    """The heading of a column with its group and its unit: `all: 1-NN (%)`."""
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
    return cell.mean.text(digits)


def _reported(outcome: Outcome, shown: list[Beside]) -> Sheet:
    rows = tuple(_beside(outcome, beside) for beside in shown)
    headings = ("system", "score", "reported", "tag", "ours", "difference", "source")
    return Sheet("Numbers printed elsewhere, and ours beside them", headings, rows, 2)


def _beside(outcome: Outcome, beside: Beside) -> tuple[str, ...]:
    said = beside.reported
    column = _column(outcome, said.column)
    relative = bool(said.relative_to)
    unit = " %" if relative else (f" {column.unit}" if column.unit else "")
    over = f" over {outcome.label(said.relative_to)}" if said.relative_to in outcome.plan.rows else ""
    return (
        outcome.label(said.row) + over,
        heading(column),
        number(said.value, column.digits, relative) + unit,
        f"[{said.tag}]",
        MISSING if beside.ours is None else beside.ours.text(column.digits, relative) + unit,
        MISSING if beside.difference is None else number(beside.difference, column.digits, True),
        said.source + (f"; {said.note}" if said.note else ""),
    )


def _claims(outcome: Outcome) -> list[Sheet]:
    """A sheet for each claim, the primary ones first; effects stand before verdicts."""
    sheets = []
    families = list(outcome.families())
    seen: set[bool] = set()
    for (family, words), claims in outcome.by_claim().items():
        primary = family == PRIMARY
        heading_above = "Primary claims" if primary else "Other claims" if PRIMARY in families else ""
        power = primary and outcome.plan.table.smallest_effect is not None
        sizes = ("standard error", "found with power .8") if power else ()
        headings = ("better", "than", "score", "seeds", "gain, 95 %", "p", "p, Holm", *sizes, "verdict")
        of_family = f" (family {family})" if family not in (PRIMARY, TABLE) else ""
        sheets.append(
            Sheet(
                f"Claim: {words}{of_family}",
                headings,
                tuple(_claim(outcome, claim, power) for claim in claims),
                3,
                heading="" if primary in seen else heading_above,
            )
        )
        seen.add(primary)
    return sheets


def _claim(outcome: Outcome, claim: Claim, power: bool) -> tuple[str, ...]:
    column = _column(outcome, claim.column)
    found = claim.comparison
    sizes = [found.error, found.detectable] if power else []
    return (
        outcome.label(claim.better),
        outcome.label(claim.than) if claim.than else f"{claim.ordering.level:g}",
        heading(column),
        "0" if found.gain is None else str(found.gain.count),
        gain_of(claim, column),
        p_text(found.p_value),
        p_text(found.p_adjusted),
        *("-" if size is None else number(size, column.digits) for size in sizes),
        f"{found.verdict} ({found.reason})" if found.reason else found.verdict,
    )


def gain_of(claim: Claim, column: ColumnConfig) -> str:
    """The gain with its interval, in the column's digits."""
    gain = claim.comparison.gain
    return MISSING if gain is None else gain.text(column.digits, True)


def p_text(p_value: float | None) -> str:
    """A p-value with three digits; - where there is none."""
    return "-" if p_value is None else "<0.001" if p_value < 0.0005 else f"{p_value:.3f}"
