"""What a probe answers to each utterance or frame of test, as tables for paired tests and for `masr score lid`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from masr.analysis.probe.data import ProbeTask, StrArray
from masr.io.answers import AnswerTable, write_answer_table
from masr.io.datadir import DataDir
from masr.io.language_scores import write_language_scores
from masr.types import FloatArray

if TYPE_CHECKING:
    from masr.analysis.probe.frames import Aligned
    from masr.analysis.probe.utterances import Said


def write_answers(path: Path, task: ProbeTask, said: Said) -> None:
    """A line for each utterance of test that has a label, in the folder's order."""
    part = task.parts["test"]
    cells = (_utts(task), part.speakers.tolist(), part.labels.tolist(), said.answers.tolist())
    write_answer_table(path, AnswerTable(*map(tuple, cells)))


def write_frame_answers(path: Path, test: Aligned, said: Said) -> None:
    """A line for each frame of test that has a phone: utterance:N is its N-th frame, from 0."""
    frames = next(iter(test.frames.values()))
    utts = frames.utts or ()
    places = (test.rows - frames.offsets[test.utts]).tolist()
    names = [f"{utts[utt]}:{place}" for utt, place in zip(test.utts.tolist(), places, strict=True)]
    cells = (names, test.speakers[test.utts].tolist(), test.names[test.labels].tolist(), said.answers.tolist())
    write_answer_table(path, AnswerTable(*map(tuple, cells)))


def write_scores(path: Path, task: ProbeTask, names: StrArray, logs: FloatArray) -> None:
    """The log-probabilities (N, K) of each label, as `masr identify --scores` writes those of languages."""
    write_language_scores(path, _utts(task), names.tolist(), logs)


def _utts(task: ProbeTask) -> list[str]:
    part = task.parts["test"]
    utts = DataDir.open(part.folder).utts
    return [utts[int(row)] for row in part.rows]
