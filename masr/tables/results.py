"""RESULTS.md of a recipe: what came out of all tables of its folder, then each table in every size that is begun.

Pictures that steps draw stand under their table, and are copied beside RESULTS.md. A table that has no score here, and
has some on the page as it is, stays as it stands there: another machine may have run it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from masr.io.atomic import atomic_write
from masr.maths.estimate import number
from masr.maths.over_seeds import Verdict
from masr.tables.claim_config import PRIMARY
from masr.tables.claims import Claim
from masr.tables.formats import markdown
from masr.tables.layout import corpus_line, gain_of, heading, p_text
from masr.tables.outcome import Outcome
from masr.tables.state import state_of

RESULTS = "RESULTS.md"
FIGURES = "figures"
"""The folder beside RESULTS.md that pictures are copied to, so that they travel with it."""
_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_HEAD = (
    "| table | size | tasks done | " + " | ".join(_VERDICTS) + " |\n| --- | --- | --- |" + " ---: |" * len(_VERDICTS)
)
_SUMMED = re.compile(r"^\| table \| size \| tasks done \| (.+) \|$", re.MULTILINE)
_PRIMARY, _OTHER = "### Primary claims", "### Other claims"
_SECTION = re.compile(r'^<a id="([^"]+)"></a>$', re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """What the page says of a table in one size."""

    line: str
    """Its line in the list of all tables."""
    corpus: str = ""
    """What corpus it was run on, where it has a score."""
    primary: tuple[str, ...] = ()
    """A line for each of its primary claims."""
    other: tuple[str, ...] = ()
    section: str = ""
    """The table itself, where it has a score."""


def results(
    tables: Mapping[Path, Iterable[Outcome]], corpus: str, before: str = "", only: Collection[str] = ()
) -> tuple[str, int]:
    """The text of RESULTS.md, and how many tables of it stay as they stood on the page `before`.

    Those stay that have no score here, and all but those called `only`, where some are.
    It names no date: it changes only with what it shows.
    """
    shown, num_kept, earlier = [], 0, shown_before(before)
    for path, outcomes in tables.items():
        for outcome in sorted(outcomes, key=_is_real):
            here = _shown(path, outcome, _has_scores(outcome) and (not only or path.stem in only))
            is_kept = not here.section and _anchor(path, outcome) in earlier
            shown.append(earlier[_anchor(path, outcome)] if is_kept else here)
            num_kept += is_kept
    parts = [
        f"# Results of {corpus}",
        "Written by `masr table results`; do not edit. "
        "`masr table show TABLE` prints one table, `masr table plan TABLE` what is left to do.",
        *dict.fromkeys(one.corpus for one in shown if one.corpus),
        "\n".join([_HEAD, *(one.line for one in shown)]),
    ]
    if not all(one.section for one in shown):
        parts.append("Sizes without a link have no score yet.")
    parts += _every_claim(shown)
    parts += [one.section for one in shown if one.section]
    return "\n\n".join(part.strip() for part in parts) + "\n", num_kept


def shown_before(page: str) -> dict[str, Shown]:
    """What a page that `results` wrote says of each table that has a score, by the table's anchor.

    An older page counts fewer verdicts, and its counts move to where they stand now. Nothing is taken of one that
    counts a verdict of which nothing is known.
    """
    marks, head = list(_SECTION.finditer(page)), _SUMMED.search(page)
    verdicts = head[1].split(" | ") if head else []
    if not marks or not verdicts or not set(verdicts) <= set(_VERDICTS):
        return {}
    above = page[: marks[0].start()]
    claims, _, other = above.partition(_OTHER)
    found = {}
    for mark, end in zip(marks, [*(mark.start() for mark in marks[1:]), len(page)], strict=True):
        link, section = f"](#{mark[1]})", page[mark.start() : end].strip()
        lines, others = ([line for line in text.splitlines() if link in line] for text in (claims, other))
        found[mark[1]] = Shown(
            next((_with_all_verdicts(line, verdicts) for line in lines if line.startswith("| [")), ""),
            next((line for line in section.splitlines() if line.startswith("Corpus: ")), ""),
            tuple(line for line in lines if not line.startswith("| [")) if _PRIMARY in above else (),
            tuple(others if _PRIMARY in above else [line for line in lines if not line.startswith("| [")]),
            section,
        )
    return {name: one for name, one in found.items() if one.line}


def _with_all_verdicts(line: str, verdicts: Sequence[str]) -> str:
    """A table's line in the list of all, whose last cells count these verdicts."""
    title, *counts = line.removesuffix(" |").rsplit(" | ", len(verdicts))
    counted = dict(zip(verdicts, counts, strict=True))
    return " | ".join([title, *(counted.get(verdict, "-") for verdict in _VERDICTS)]) + " |"


def copy_pictures(tables: Mapping[Path, Iterable[Outcome]], folder: Path) -> int:
    """Copies the pictures of all tables into figures/ of `folder`; how many there are."""
    pictures = [one for path, outcomes in tables.items() for outcome in outcomes for one in _pictures(path, outcome)]
    for one in pictures:
        atomic_write(folder / FIGURES / one.name, one.source.read_bytes())
    return len(pictures)


def _shown(path: Path, outcome: Outcome, begun: bool) -> Shown:
    """A table and size as it is done here, if it is."""
    title, done = _plain(outcome.plan.table.title), f"{outcome.num_done} of {outcome.num_tasks}"
    counts = _counts(outcome.claims) if begun else dict.fromkeys(_VERDICTS, 0)
    cells = " | ".join([outcome.plan.size_name, done, *(str(counts[verdict] or "-") for verdict in _VERDICTS)])
    if not begun:
        return Shown(f"| {title} | {cells} |")
    anchor = _anchor(path, outcome)
    body = markdown(outcome).strip() + _pictures_shown(path, outcome)
    return Shown(
        f"| [{title}](#{anchor}) | {cells} |",
        corpus_line(outcome),
        tuple(_claims(path, outcome, True)),
        tuple(_claims(path, outcome, False)),
        f'<a id="{anchor}"></a>\n\n{body}\n\nFile: `tables/{path.name}`',
    )


def _every_claim(shown: Sequence[Shown]) -> list[str]:
    """The claims of all tables, the primary ones first; nothing where there are none."""
    primary = [line for one in shown for line in one.primary]
    other = [line for one in shown for line in one.other]
    if not primary and not other:
        return []
    parts = [
        "## Every claim",
        "A claim is tried on every pair of systems and every score that it is about; each of them, and how it was "
        "tested, stands below the claim's table. Gains are positive where the claim is right.",
    ]
    head = ["| claim | table | gains | came out |", "| --- | --- | --- | --- |"]
    for title, rows in ((_PRIMARY, primary), (_OTHER, other)):
        if rows:
            parts += [*([title] if primary else []), "\n".join([*head, *rows])]
    return parts


def _claims(path: Path, outcome: Outcome, primary: bool) -> list[str]:
    """A line for each claim in words, with its gains and then its verdicts counted."""
    lines = []
    for (family, words), claims in outcome.by_claim().items():
        if (family == PRIMARY) != primary:
            continue
        verdicts = [f"{verdict} {count}x" for verdict, count in _counts(claims).items() if count]
        where = f"[{path.stem}, {outcome.plan.size_name}](#{_anchor(path, outcome)})"
        gains = _plain("; ".join(_gains(outcome, claims)))
        lines.append(f"| {_plain(words)} | {where} | {gains} | {', '.join(verdicts)} |")
    return lines


def _gains(outcome: Outcome, claims: list[Claim]) -> list[str]:
    """The gains of a claim, score by score: one with its interval and p, or of several the smallest and the largest."""
    texts = []
    for column in outcome.plan.table.columns:
        gains = [one for one in claims if one.column == column.name and one.comparison.gain is not None]
        values = [one.comparison.gain.value for one in gains if one.comparison.gain is not None]
        if len(gains) == 1:
            p_values = (gains[0].comparison.p_value, gains[0].comparison.p_adjusted)
            tested = f", p {p_text(p_values[0])}, Holm {p_text(p_values[1])}" if p_values[0] is not None else ""
            texts.append(f"{heading(column)}: {gain_of(gains[0], column)}{tested}")
        elif gains:
            ends = [number(value, column.digits, True) for value in (min(values), max(values))]
            texts.append(f"{heading(column)}: {ends[0]} to {ends[1]} in {len(gains)}")
    return texts or ["-"]


def _counts(claims: Iterable[Claim]) -> dict[Verdict, int]:
    """How many pairs of rows and scores came out each way."""
    verdicts = [claim.comparison.verdict for claim in claims]
    return {verdict: verdicts.count(verdict) for verdict in _VERDICTS}


def _has_scores(outcome: Outcome) -> bool:
    """Whether a row that was trained has a score: sizes may share the tasks of rows that are not.

    An embedded corpus says nothing in a size for the real one.
    """
    if outcome.embedded and not outcome.plan.size.embedded:
        return False
    return any(cell.scores for row in outcome.rows if not row.role for cell in row.cells.values())


def _is_real(outcome: Outcome) -> bool:
    """Whether a size is meant for the real corpus: it comes after those for the embedded one."""
    return not outcome.plan.size.embedded


def _anchor(path: Path, outcome: Outcome) -> str:
    """The name of a table and size as the target of a link on the page."""
    return f"{path.stem}-{outcome.plan.size_name}"


def _plain(text: str) -> str:
    """Text with marks of Markdown escaped, for a cell or a link."""
    for character in "\\`*_{}<>|[]":
        text = text.replace(character, "\\" + character)
    return text


@dataclass(frozen=True)
class _Picture:
    """A picture that a step has drawn."""

    source: Path
    name: str
    """Its name in the folder of figures: TABLE.SIZE.FILE."""
    caption: str


def _pictures(path: Path, outcome: Outcome) -> list[_Picture]:
    """The pictures of a table whose steps are done."""
    pictures = []
    for figure, task in outcome.plan.figures:
        state = state_of(outcome.plan, task)
        source = state.folder / figure.file
        if state.status == "done" and source.is_file():
            name = f"{path.stem}.{outcome.plan.size_name}.{figure.file}"
            pictures.append(_Picture(source, name, figure.caption))
    return pictures


def _pictures_shown(path: Path, outcome: Outcome) -> str:
    """The lines that show a table's pictures; empty where it has none."""
    lines = [f"![{one.caption}]({FIGURES}/{one.name})\n\n{one.caption}" for one in _pictures(path, outcome)]
    return "".join(f"\n\n{line}" for line in lines)
