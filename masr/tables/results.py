"""RESULTS.md of a recipe: what came out of all tables of its folder, then each table in every size that is begun."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from masr.tables.formats import markdown
from masr.tables.outcome import Claim, Outcome
from masr.tables.pictures import as_markdown
from masr.tables.sheet import corpus_line
from masr.tables.statistics import Verdict

RESULTS = "RESULTS.md"
_VERDICTS: tuple[Verdict, ...] = ("holds", "does not hold", "not significant", "missing")


def results(tables: Mapping[Path, Iterable[Outcome]], corpus: str) -> str:
    """The whole file. It names no date, so that it changes only with its figures, hours and commits."""
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
    claims = [line for path, outcome in begun for line in _claims(path, outcome)]
    if claims:
        parts += [
            "## Every claim",
            "A claim is tried on every pair of systems and every score that it is about; each of them, and how it was "
            "tested, stands below the claim's table.",
            "\n".join(["| claim | table | came out |", "| --- | --- | --- |", *claims]),
        ]
    for path, outcome in begun:
        body = markdown(outcome).strip()
        parts.append(
            f'<a id="{_anchor(path, outcome)}"></a>\n\n{body}{as_markdown(path, outcome)}\n\nFile: `tables/{path.name}`'
        )
    return "\n\n".join(part.strip() for part in parts) + "\n"


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


def _claims(path: Path, outcome: Outcome) -> list[str]:
    """A line for each claim in words, with its verdicts counted."""
    lines = []
    for words, claims in outcome.by_claim().items():
        found = [f"{verdict} {count}x" for verdict, count in _counts(claims).items() if count]
        where = f"[{path.stem}, {outcome.plan.size_name}](#{_anchor(path, outcome)})"
        lines.append(f"| {_plain(words)} | {where} | {', '.join(found)} |")
    return lines


def _counts(claims: Iterable[Claim]) -> dict[Verdict, int]:
    """How many pairs of rows and scores came out each way."""
    found = [claim.comparison.verdict for claim in claims]
    return {verdict: found.count(verdict) for verdict in _VERDICTS}


def _has_scores(outcome: Outcome) -> bool:
    """Tasks alone say nothing: sizes may share some. Nor does an embedded corpus in a size for the real one."""
    if outcome.embedded and not outcome.plan.size.embedded:
        return False
    return any(cell.scores for row in outcome.rows for cell in row.cells.values())


def _is_real(outcome: Outcome) -> bool:
    """The embedded corpus comes first."""
    return not outcome.plan.size.embedded


def _anchor(path: Path, outcome: Outcome) -> str:
    """Of a table and size on the page."""
    return f"{path.stem}-{outcome.plan.size_name}"


def _plain(text: str) -> str:
    """Text that can stand in a cell and in a link."""
    for character in "\\`*_{}<>|[]":
        text = text.replace(character, "\\" + character)
    return text
