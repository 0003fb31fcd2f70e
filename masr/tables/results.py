"""RESULTS.md of a recipe: what came out of all tables of its folder, then each table in every size that is begun.

Pictures that steps draw stand under their table, and are copied beside RESULTS.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def results(tables: Mapping[Path, Iterable[Outcome]], corpus: str) -> str:
    """The text of RESULTS.md. It names no date, so that it changes only with its figures, hours and commits."""
    every = [(path, outcome) for path, outcomes in tables.items() for outcome in sorted(outcomes, key=_is_real)]
    begun = [(path, outcome) for path, outcome in every if _has_scores(outcome)]
    parts = [
        f"# Results of {corpus}",
        "Written by `masr table results`; do not edit. "
        "`masr table show TABLE` prints one table, `masr table plan TABLE` what is left to do.",
        *dict.fromkeys(corpus_line(outcome) for _, outcome in begun),
        "\n".join(_contents(every)),
    ]
    if len(begun) < len(every):
        parts.append("Sizes without a link have no score yet.")
    parts += _every_claim(begun)
    for path, outcome in begun:
        body = markdown(outcome).strip() + _pictures_shown(path, outcome)
        parts.append(f'<a id="{_anchor(path, outcome)}"></a>\n\n{body}\n\nFile: `tables/{path.name}`')
    return "\n\n".join(part.strip() for part in parts) + "\n"


def copy_pictures(tables: Mapping[Path, Iterable[Outcome]], folder: Path) -> int:
    """Copies the pictures of all tables into figures/ of `folder`; how many there are."""
    pictures = [one for path, outcomes in tables.items() for outcome in outcomes for one in _pictures(path, outcome)]
    for one in pictures:
        atomic_write(folder / FIGURES / one.name, one.source.read_bytes())
    return len(pictures)


def _contents(every: list[tuple[Path, Outcome]]) -> list[str]:
    """A line for each table and size, with how many of its claims came out which way."""
    lines = [
        "| table | size | tasks done | " + " | ".join(_VERDICTS) + " |",
        "| --- | --- | --- |" + " ---: |" * len(_VERDICTS),
    ]
    for path, outcome in every:
        title = _plain(outcome.plan.table.title)
        begun = _has_scores(outcome)
        name = f"[{title}](#{_anchor(path, outcome)})" if begun else title
        counts = _counts(outcome.claims) if begun else dict.fromkeys(_VERDICTS, 0)
        cells = " | ".join(str(counts[verdict] or "-") for verdict in _VERDICTS)
        done = f"{outcome.num_done} of {outcome.num_tasks}"
        lines.append(f"| {name} | {outcome.plan.size_name} | {done} | {cells} |")
    return lines


def _every_claim(begun: list[tuple[Path, Outcome]]) -> list[str]:
    """The claims of all tables, the primary ones first; nothing where there are none."""
    lines = {one: [line for path, outcome in begun for line in _claims(path, outcome, one)] for one in (True, False)}
    if not any(lines.values()):
        return []
    parts = [
        "## Every claim",
        "A claim is tried on every pair of systems and every score that it is about; each of them, and how it was "
        "tested, stands below the claim's table. Gains are positive where the claim is right.",
    ]
    head = ["| claim | table | gains | came out |", "| --- | --- | --- | --- |"]
    for primary, rows in lines.items():
        if rows:
            above = ["### Primary claims" if primary else "### Other claims"] if lines[True] else []
            parts += [*above, "\n".join([*head, *rows])]
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
