"""What a page shows of some runs: every figure once, for the page to draw as SVG and for papers as PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from masr.io.figure import Figure, Table
from masr.report.gather import Run
from masr.report.languages import language_plates
from masr.report.plate import Plate
from masr.report.scores import score_plates
from masr.report.training import training_plates


@dataclass(frozen=True, eq=False)
class Contents:
    """The figures of a page, by its sections."""

    runs: Sequence[Run]
    answer: Sequence[Plate]
    """What the page opens with."""
    scores: Mapping[str, Sequence[Plate]]
    """Score file -> its bars."""
    languages: Sequence[Plate]
    figures: Mapping[str, Sequence[Plate]]
    """Letter of a run -> its figure files."""
    training: Sequence[Plate]

    def plates(self) -> list[Plate]:
        """All of them, in the page's order."""
        scores = [plate for plates in self.scores.values() for plate in plates]
        figures = [plate for plates in self.figures.values() for plate in plates]
        return [*self.answer, *scores, *self.languages, *figures, *self.training]


def contents_of(runs: Sequence[Run], first: Sequence[Figure] = ()) -> Contents:
    """Everything there is to show of these runs, after the figures `first`."""
    many = len(runs) > 1
    return Contents(
        runs,
        [Plate("answer" if n == 0 else f"answer{n + 1}", figure) for n, figure in enumerate(first)],
        score_plates(runs),
        language_plates(runs),
        {run.letter: [_of_file(run, name, figure, many) for name, figure in run.figures.items()] for run in runs},
        training_plates(runs),
    )


def _of_file(run: Run, name: str, figure: Figure, many: bool) -> Plate:
    return Plate(f"figures.{run.letter}.{name}" if many else f"figures.{name}", figure)


def is_drawn(plate: Plate) -> bool:
    """Whether it is a picture: a table is read, and belongs to the text."""
    return not isinstance(plate.figure, Table)
