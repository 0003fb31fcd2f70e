"""What became of a table's claims, each corrected for its family, and the numbers printed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from masr.maths.crossed_effects import crossed
from masr.maths.estimate import Estimate
from masr.maths.holm import holm
from masr.maths.over_seeds import DECIDED, Comparison, compare, decided, relative_change, tested
from masr.tables.cells import DIFFERENT, Row, same_utterances
from masr.tables.claim_config import OrderingConfig, ReportedConfig
from masr.tables.config import ColumnConfig
from masr.tables.plan import Plan
from masr.tables.scores import Score


@dataclass(frozen=True)
class Claim:
    """One pair of rows of an ordering, in one column."""

    ordering: OrderingConfig
    better: str
    than: str
    """A row; "" where the ordering compares with a number."""
    column: str
    comparison: Comparison

    @property
    def family(self) -> str:
        """The family of claims that correct each other's p-values."""
        return self.ordering.family_name


@dataclass(frozen=True)
class Beside:
    """A number printed elsewhere, and ours beside it."""

    reported: ReportedConfig
    ours: Estimate | None
    """Our number in the same unit: the cell's mean, or our own relative change."""
    difference: float | None
    shown: bool
    """False for a relative change whose claim is not decided: then nothing stands beside it."""


def claims_of(plan: Plan, rows: Mapping[str, Row]) -> tuple[Claim, ...]:
    """Every pair and column of every ordering that this size has, judged within its family; primary ones first."""
    claims = [
        Claim(ordering, better, than, column, _compared(plan.columns[better, column], rows, better, than, ordering))
        for ordering in sorted(plan.table.orderings, key=lambda ordering: not ordering.primary)
        for better, than in plan.table.pairs(ordering)
        if better in rows and (not than or than in rows)
        for column in ordering.columns
        if (better, column) in plan.columns
    ]
    for family in {claim.family for claim in claims}:
        places = [place for place, claim in enumerate(claims) if claim.family == family]
        adjusted = holm([claims[place].comparison.p_value for place in places])
        for place, p_adjusted in zip(places, adjusted, strict=True):
            claim = claims[place]
            smallest = plan.table.smallest_effect if claim.column in plan.table.primary_columns else None
            claims[place] = replace(claim, comparison=decided(claim.comparison, p_adjusted, smallest))
    return tuple(claims)


def beside_of(reported: ReportedConfig, rows: Mapping[str, Row], claims: tuple[Claim, ...]) -> Beside:
    """Ours beside a reported number; a relative change only where a claim on the same two rows is decided."""
    cell = rows[reported.row].cells[reported.column]
    ours = cell.mean
    if reported.relative_to:
        pair = {reported.row, reported.relative_to}
        about = [one for one in claims if one.column == reported.column and {one.better, one.than} == pair]
        if not any(one.comparison.verdict in DECIDED for one in about):
            return Beside(reported, None, None, False)
        reference = rows[reported.relative_to].cells[reported.column].scores
        both = [seed for seed in cell.scores if seed in reference]
        values, references = ([scores[seed].value for seed in both] for scores in (cell.scores, reference))
        ours = relative_change(values, references)
    return Beside(reported, ours, None if ours is None else ours.value - reported.value, True)


def _compared(
    column: ColumnConfig, rows: Mapping[str, Row], better: str, than: str, ordering: OrderingConfig
) -> Comparison:
    a = rows[better].cells[column.name].scores
    if ordering.level is not None:
        fixed = Score(ordering.level, ordering.level, ordering.level)
        return compared(column, a, dict.fromkeys(a, fixed), ordering.level == 0)
    return compared(column, a, rows[than].cells[column.name].scores)


def compared(
    column: ColumnConfig, ours: Mapping[int, Score], theirs: Mapping[int, Score], own_p: bool = False
) -> Comparison:
    """How much better some scores are than others, seed by seed; `own_p` where ours come with a p of their own."""
    pairs = [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
    if pairs and column.answers:
        return _compared_by_answers(column, pairs)
    sign = 1.0 if column.better == "higher" else -1.0
    own = [score.p for score, _ in pairs if score.p is not None and own_p]
    return compare([sign * (x.value - y.value) for x, y in pairs], all(_are_apart(x, y) for x, y in pairs), own)


def _compared_by_answers(column: ColumnConfig, pairs: list[tuple[Score, Score]]) -> Comparison:
    """A comparison over seeds and speakers; the second score of a pair may be a number, which has no answers."""
    if not same_utterances(score for pair in pairs for score in pair):
        return Comparison("missing", None, None, reason=DIFFERENT)
    gains = []
    for x, y in pairs:
        assert x.answers
        right = column.scale * x.answers.right
        gains.append(right - (column.scale * y.answers.right if y.answers else y.value * x.answers.counts))
        counts = x.answers.counts
    estimate = crossed(np.stack(gains), counts)
    return tested(estimate.mean, estimate.error, estimate.degrees)


def _are_apart(one: Score, other: Score) -> bool:
    """Whether both say how sure they are, and their intervals do not meet."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low > other.high or other.low > one.high
