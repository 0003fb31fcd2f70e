"""The sentences under a table: what its intervals, tests and verdicts are. Only what the table uses is said."""

from __future__ import annotations

from masr.maths.over_seeds import EQUAL, FEWEST_SEEDS, Verdict
from masr.tables.outcome import Outcome

DECIDE_FIRST = "The papers' numbers stand beside once the claim is decided."


def notes_of(outcome: Outcome) -> list[str]:
    """A sentence or two for each thing that the table shows."""
    notes = [*_intervals(outcome), *_claims(outcome)]
    if any(beside.shown for beside in outcome.beside):
        notes.append("[paper]: the authors; [digest]: a third party's summary; [ours]: an earlier measurement of ours.")
    if any(beside.shown and beside.reported.relative_to for beside in outcome.beside):
        notes.append("± of a relative change is half its 95 % interval by Student's t over seeds.")
    if not all(beside.shown for beside in outcome.beside):
        notes.append(DECIDE_FIRST)
    if any(row.hours for row in outcome.rows):
        notes.append("Hours of a row count what it shares with others; the total counts every task once.")
    return notes


def _intervals(outcome: Outcome) -> list[str]:
    used = {cell.interval for row in outcome.rows for cell in row.cells.values()}
    notes = []
    if "seeds" in used:
        notes.append("± is half the 95 % interval of the mean by Student's t over seeds.")
    if "seeds and speakers" in used:
        which = "Where answers to every utterance are kept, it" if "seeds" in used else "±"
        notes.append(
            f"{which} is half the 95 % interval of the mean over seeds and speakers at once "
            "(two-way random effects, t with Satterthwaite's degrees of freedom)."
        )
    if "speakers" in used:
        notes.append("± of a row with one seed is half the 95 % interval over speakers, where answers are kept.")
    if "file" in used:
        names = sorted({column.interval for column in outcome.plan.table.columns if column.low})
        which = "a row with one seed, or whose seeds share one task,"
        notes.append(f"[low, high] of {which} is the interval of its score file: {'; '.join(names)}.")
    if outcome.gates:
        unpaired, paired = ([gate for gate in outcome.plan.table.gates if gate.paired == how] for how in (False, True))
        if unpaired:
            notes.append("A row passes a gate where its interval and that of what it has to beat do not meet.")
        if paired:
            how = "A row passes a paired gate" if unpaired else "A row passes a gate"
            notes.append(f"{how} where the 95 % interval of its gain over what it has to beat leaves 0 out.")
    return notes


def _claims(outcome: Outcome) -> list[str]:
    if not outcome.claims:
        return []
    columns = {column.name: column for column in outcome.plan.table.columns}
    by_answers = {bool(columns[claim.column].answers) for claim in outcome.claims}
    how = {
        frozenset({False}): "by a paired t test over seeds",
        frozenset({True}): "over seeds and speakers at once, on the same utterances",
    }.get(
        frozenset(by_answers),
        "over seeds and speakers at once, on the same utterances, where answers are kept, and by a paired t test over "
        "seeds elsewhere",
    )
    families = ", ".join(f"{name} ({count})" for name, count in outcome.families().items())
    notes = [
        f"Claims are tested {how}; intervals and p are each claim's own. Holm's p is corrected for the family of the "
        f"claim, with what is not tested yet counted: {families}. A claim holds, or does not, where it is below 0.05."
    ]
    verdicts = {claim.comparison.verdict for claim in outcome.claims}
    notes += [text for verdict, text in _WORDS.items() if verdict in verdicts]
    if any(claim.comparison.p_value is None and claim.comparison.verdict in _APART for claim in outcome.claims):
        notes.append("Where all seeds agree to the last digit, p is - and the scores' own intervals decide.")
    if any(claim.comparison.reason == EQUAL for claim in outcome.claims):
        notes.append(
            f"{EQUAL}: nothing differs between seeds, so that there is no interval over them; p is the largest of the "
            "seeds' own, exact over all matchings of the points where they are eight or fewer."
        )
    smallest = outcome.plan.table.smallest_effect
    if smallest is not None:
        unit = next(iter({columns[name].unit for name in outcome.plan.table.primary_columns}))
        notes.append(
            f"The smallest effect that would matter is {smallest:g}{f' {unit}' if unit else ''}. `found with power .8` "
            "is the smallest that as many seeds and speakers would find at 5 % four times in five."
        )
    return notes


_APART: tuple[Verdict, ...] = ("holds", "does not hold")
_WORDS: dict[Verdict, str] = {
    "no effect of that size": "no effect of that size: not significant, and the whole interval is smaller, either way, "
    "than the smallest effect that would matter.",
    "undecided": "undecided: not significant, and the interval leaves room for an effect that would matter.",
    "not tested": f"not tested: fewer than {FEWEST_SEEDS} seeds, or nothing that differs between them; it says nothing "
    "about the claim.",
}
