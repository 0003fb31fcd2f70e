"""The parts of a split become its data directory, which appears as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from masr.corpora.check_utterance import UtteranceRow
from masr.errors import CorpusError
from masr.io.atomic import atomic_open
from masr.io.datadir import Table, write_datadir
from masr.io.layout import (
    PHONES_CTM,
    PROBLEMS_TSV,
    RECO2DUR,
    SEGMENTS,
    TEXT,
    UTT2DUR,
    UTT2SPK,
    WAV_SCP,
    WORDS_CTM,
    label_table,
)
from masr.types import Problem

CURES = {
    "wrong rate": "--resample takes them at any rate, converted to 16 kHz and kept as shards",
    "not mono": "--set channel=0 takes the first channel (folder, pangloss); a lhotse manifest names its own",
}
"""Kind of problem -> the option with which what was left out for it is taken."""
UNKNOWN = "unknown"
"""The label of an utterance whose label nobody knows, in a split where others have one."""


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What became of one split."""

    split: str
    num_utterances: int
    num_speakers: int
    duration_sec: float
    problems: Counter[str] = field(default_factory=Counter)
    """Kind of problem -> how often."""
    notes: tuple[str, ...] = ()

    @property
    def bad_share(self) -> float:
        """The share of utterances that were left out, of all that were seen."""
        bad = self.problems.total()
        return bad / (bad + self.num_utterances) if bad else 0.0


@dataclass
class Split:
    """Rows and problems of one split, collected part by part."""

    name: str
    rows: dict[str, UtteranceRow] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, items: Iterable[UtteranceRow | Problem]) -> None:
        """Adds the rows and problems of one part; a row whose id was there before is left out."""
        for item in items:
            if isinstance(item, Problem):
                self.problems.append(item)
            elif item.utt in self.rows:
                self.problems.append(Problem(f"{item.utt} ({item.entry})", "duplicate id: kept the first"))
            else:
                self.rows[item.utt] = item

    def settle(self) -> None:
        """Makes ids sort as their speakers do, as Kaldi asks.

        They do unless one speaker's id is another's with '-' behind it; then '-' becomes '_' in all of them.
        """
        rows = [self.rows[utt] for utt in sorted(self.rows)]
        speakers = [row.speaker for row in rows]
        if speakers == sorted(speakers):
            return
        self.rows = {}
        self.add(_without_hyphen(row) for row in rows)

    def summary(self, notes: Sequence[str] = ()) -> SplitSummary:
        """The split in figures: what it holds, and what was left out of it."""
        return SplitSummary(
            self.name,
            len(self.rows),
            len({row.speaker for row in self.rows.values()}),
            sum(row.duration_sec for row in self.rows.values()),
            Counter(kind_of(problem) for problem in self.problems),
            tuple(notes),
        )

    def check(self, max_bad: float, problems_tsv: Path) -> None:
        """CorpusError where too much of the split was left out; `problems_tsv` then lists it."""
        summary = self.summary()
        if self.rows and summary.bad_share <= max_bad:
            problems_tsv.unlink(missing_ok=True)
            return
        write_problems(problems_tsv, self.problems)
        bad = len(self.problems)
        share = f"more than --max-bad {max_bad:g} allows" if self.rows else "nothing usable is left"
        raise CorpusError(
            f"{self.name}: {bad} of {bad + len(self.rows)} utterances are bad ({summary.bad_share:.1%}): {share}",
            why="; ".join(f"{count} x {kind}" for kind, count in summary.problems.most_common(4)) or "it is empty",
            fix="; ".join(cures(summary.problems) or ["mend the corpus, or raise --max-bad"])
            + f"; {problems_tsv} lists them all",
        )

    def write(self, folder: Path) -> list[str]:
        """Writes the data directory; sentences that the user should know come back."""
        rows = list(self.rows.values())
        tables: dict[str, Table] = {
            UTT2SPK: {row.utt: row.speaker for row in rows},
            WAV_SCP: {row.recording: row.entry for row in rows},
            UTT2DUR: {row.utt: number(row.duration_sec) for row in rows},
            RECO2DUR: {row.recording: number(row.recording_sec) for row in rows},
        }
        if any(row.start_sec is not None for row in rows):
            tables[SEGMENTS] = {row.utt: _segment(row) for row in rows}
        notes: list[str] = []
        _add_text(tables, rows, notes)
        _add_labels(tables, rows, notes)
        phones = {row.utt: _ctm(row.phones) for row in rows if row.phones}
        words = {row.utt: _ctm(row.words) for row in rows if row.words}
        tables |= {name: lines for name, lines in ((PHONES_CTM, phones), (WORDS_CTM, words)) if lines}
        write_datadir(folder, tables)
        write_problems(folder / PROBLEMS_TSV, self.problems)
        return notes


def _without_hyphen(row: UtteranceRow) -> UtteranceRow:
    speaker = row.speaker.replace("-", "_")
    utt = speaker + row.utt[len(row.speaker) :]
    return replace(row, utt=utt, speaker=speaker, recording=utt if row.recording == row.utt else row.recording)


def kind_of(problem: Problem) -> str:
    """A reason without its figures: 'wrong rate: 8000 Hz' is of the kind 'wrong rate'."""
    return problem.reason.partition(":")[0]


def cures(problems: Counter[str]) -> list[str]:
    """What takes the utterances that were left out: a sentence for each kind of problem that an option cures."""
    return [f"{problems[kind]} x {kind}: {cure}" for kind, cure in CURES.items() if problems[kind]]


def number(value: float) -> str:
    """A number as text, with at most six decimals, and no more than needed."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def write_problems(path: Path, problems: Sequence[Problem]) -> None:
    """Writes problems.tsv: where each problem is, and the reason."""
    with atomic_open(path) as stream:
        stream.write("where\treason\n")
        for problem in problems:
            cells = (problem.where, problem.reason)
            stream.write("\t".join(" ".join(_printable(cell).split()) for cell in cells) + "\n")


def _segment(row: UtteranceRow) -> str:
    start_sec = row.start_sec or 0.0
    return f"{row.recording} {number(start_sec)} {number(row.end_sec or row.duration_sec)}"


def _ctm(aligned: Sequence[tuple[str, float, float]]) -> str:
    return "\n".join(f"1 {number(start)} {number(length)} {label}" for label, start, length in aligned)


def _add_text(tables: dict[str, Table], rows: Sequence[UtteranceRow], notes: list[str]) -> None:
    missing = sum(not row.text for row in rows)
    if missing == len(rows):
        return
    tables[TEXT] = {row.utt: row.text or "" for row in rows}
    if missing:
        notes.append(f"{missing} utterances have no transcript: their line in text is empty")


def _add_labels(tables: dict[str, Table], rows: Sequence[UtteranceRow], notes: list[str]) -> None:
    """Adds a table for each kind of label. A table has every utterance or is not written, as Kaldi's rules ask."""
    for kind in sorted({kind for row in rows for kind in row.labels}):
        missing = sum(kind not in row.labels for row in rows)
        if missing and kind == "loc":
            notes.append(f"utt2loc is left out: no location is known for {missing} of {len(rows)} utterances")
            continue
        tables[label_table(kind)] = {row.utt: row.labels.get(kind, UNKNOWN) for row in rows}
        if missing:
            notes.append(f"{missing} of {len(rows)} utterances have no {kind}: utt2{kind} says {UNKNOWN!r}")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == " " else " " for c in text)
