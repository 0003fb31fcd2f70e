"""What a check of a data directory asks for and finds: the rules by name, findings, and the report of a directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from masr.errors import DataError

FIXES: dict[str, str] = {
    "missing-table": "write it, or say that it is left out by design (--no-text, --no-wav)",
    "no-utterances": "a directory without a single utterance is of no use: look at problems.tsv, if there is one",
    "byte-order-mark": "`masr data fix` takes it off",
    "line-ending": "`masr data fix` turns CRLF into LF",
    "control-character": "`masr data fix` takes control characters out of text and drops other rows that have them",
    "utf-8": "convert the file with iconv -t UTF-8, or let `masr data fix` drop the row",
    "last-newline": "end the last line with a newline; `masr data fix` does",
    "no-id": "every line begins with an id; `masr data fix` drops empty lines",
    "blank-in-id": "ids end at blanks of every kind: rename it, or let `masr data fix` drop the row",
    "order": "sort with LC_ALL=C sort -k1,1, or `masr data fix`",
    "duplicate": "keep one; `masr data fix` keeps the first",
    "unknown-id": "every table has the same ids: drop the row, or let `masr data fix` do so",
    "missing-id": "every table has the same ids: add the row, or let `masr data fix` drop the id everywhere",
    "columns": "write the row as its table asks; `masr data fix` drops it",
    "no-value": "give it a value; `masr data fix` drops the utterance",
    "empty-text": "write what is said; without --no-empty-text an empty line says that nobody knows",
    "text-blank": "use plain spaces in transcripts; `masr data fix` does",
    "text-symbol": "Kaldi keeps <s>, </s> and #0 for itself: write the word another way",
    "number": "write a plain decimal number; `masr data fix` drops the row",
    "segment-times": "a segment begins at 0 or later and ends after it begins; `masr data fix` drops it",
    "place": "write latitude and longitude in decimal degrees: 52.5 13.4",
    "gender": "Kaldi takes m or f in spk2gender; use utt2gender for anything else",
    "channel": "Kaldi takes A or B as the channel",
    "speaker-prefix": "begin the utterance's id with its speaker's, as in spk1-utt7; `masr data fix --prefix` renames",
    "speaker-order": "rename speakers so that utterances sort as their speakers do; ids of one length always do",
    "spk2utt": "`masr data fix` makes spk2utt again from utt2spk",
    "pipe": "a pipe runs a command of the data's author: read it, then pass --allow-pipes, or decode the audio once",
    "tilde": "write the path out: ~ is not expanded when a file is opened",
    "missing-file": "restore the file, or run from the folder that the path counts from; `masr data fix` drops the row",
    "audio": "copy it again from where it is whole; `masr prepare` leaves such files out and says why",
    "damaged-archive": "copy it again from where it is whole, or make it again: masr prepare, masr features",
    "archive-offset": "the archive is shorter than that: write it again, or let `masr data fix` drop the row",
}
"""Rule -> what to do about it."""


@dataclass(frozen=True, slots=True)
class Checks:
    """Which rules a directory has to keep; the defaults are everything that a recipe needs."""

    text: bool = True
    """Whether `text` must be there; if it is, it is checked in any case. The same for wav."""
    wav: bool = True
    empty_text: bool = True
    """Whether a line of text may be empty, as `masr prepare` writes it where others have a transcript."""
    pipes: bool = False
    speaker_prefix: bool = True
    """Whether utterance ids have to begin with the speaker's, and sort as speakers do, as Kaldi asks by default."""
    files: bool = True
    """Whether the files are looked for that wav.scp, feats.scp and the like point at."""
    full: bool = False
    """Whether archives are read whole and compared with the checksums beside them."""
    audio: bool = False
    """Whether the audio that wav.scp names is read to its end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule in one place."""

    path: Path
    line: int
    """Counted from 1; 0 where the file as a whole is meant."""
    rule: str
    what: str

    @property
    def fix(self) -> str:
        """What to do about it."""
        return FIXES[self.rule]

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{place}: {self.what} [{self.rule}]"


@dataclass
class Findings:
    """Every finding of one directory; of each rule in each table at most `keep` are spelled out, all are counted."""

    folder: Path
    keep: int | None = None
    num_utts: int = 0
    notes: list[str] = field(default_factory=list)
    """What breaks no rule and should be known."""
    findings: list[Finding] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    """(rule, table) -> how often."""

    @property
    def total(self) -> int:
        """Broken rules in all, those that are not spelled out included."""
        return sum(self.counts.values())

    def add(self, name: str, line: int, rule: str, what: str) -> None:
        """Adds one finding."""
        count = self.counts[(rule, name)] = self.counts.get((rule, name), 0) + 1
        if self.keep is None or count <= self.keep:
            self.findings.append(Finding(self.folder / name, line, rule, what))

    def add_rows(
        self, name: str, rows: Sequence[int] | npt.NDArray[np.int64], rule: str, what: str | Callable[[int], str]
    ) -> None:
        """Adds findings in rows counted from 0; `what` is asked only for those that are spelled out."""
        places = np.asarray(rows, dtype=np.int64).ravel()
        before = self.counts.get((rule, name), 0)
        if not len(places):
            return
        self.counts[(rule, name)] = before + len(places)
        kept = places if self.keep is None else places[: max(0, self.keep - before)]
        for row in kept.tolist():
            sentence = what if isinstance(what, str) else what(row)
            self.findings.append(Finding(self.folder / name, row + 1, rule, sentence))

    def error(self) -> DataError:
        """The findings as one error, for code that needs a sound directory."""
        shown = "\n".join(f"    {finding}" for finding in self.findings[:20])
        more = f"\n    ... and {self.total - 20} more" if self.total > 20 else ""
        return DataError(
            f"{self.folder} breaks {self.total} rules\n{shown}{more}",
            fix=f"`masr data validate {self.folder}` lists them with their fixes, `masr data fix` repairs most",
        )
