"""Checks a data directory against every rule of Kaldi's format, and says where each one is broken.

Relative paths in wav.scp and feats.scp count from the working folder, as Kaldi reads them; a path that is not
there is looked for from the recipe folder as well, two above the data directory (data/train -> .), so that
checking a recipe's data from elsewhere does not call its files missing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from masr.io.datadir.lines import IdArray, Lines, map_file
from masr.io.datadir.paths import Files, check_paths
from masr.io.datadir.report import FIXES, Checks, Findings
from masr.io.datadir.rules import TableCheck
from masr.io.datadir.sound import check_sound
from masr.io.datadir.speakers import check_speakers, check_spk2utt
from masr.io.datadir.tables import CTM, Key, keyed_by, tables_in
from masr.io.datadir.values import check_values, one_word, recordings
from masr.io.layout import SEGMENTS, SPK2UTT, TEXT, UTT2SPK, WAV_SCP


def validate(folder: Path, checks: Checks | None = None, keep: int | None = None) -> Findings:
    """Every broken rule of a data directory; DataError only where the folder is none at all."""
    folder, checks = Path(folder), checks or Checks()
    names = tables_in(folder)
    report = Findings(folder, keep)
    if SPK2UTT not in names:
        report.add(SPK2UTT, 0, "spk2utt", f"there is no {SPK2UTT}")
    required = {TEXT: checks.text, WAV_SCP: checks.wav or SEGMENTS in names}
    for name, needed in required.items():
        if needed and name not in names:
            report.add(name, 0, "missing-table", f"there is no {name}")
    _Directory(folder, names, checks, report).run()
    order = {name: place for place, name in enumerate([UTT2SPK, *names])}
    report.findings.sort(key=lambda f: (list(FIXES).index(f.rule), order.get(f.path.name, 0), f.line))
    return report


class _Directory:
    """One pass over the tables; ids of utterances, speakers and recordings are kept to compare the others with."""

    def __init__(self, folder: Path, names: list[str], checks: Checks, report: Findings) -> None:
        self.folder, self.names, self.checks, self.report = folder, names, checks, report
        self.ids: dict[Key, IdArray] = {}
        self.origin: dict[Key, str] = {"utterance": UTT2SPK, "speaker": UTT2SPK, "recording": UTT2SPK}

    def run(self) -> None:
        """Checks utt2spk first, then the tables that say which recordings there are, then the rest."""
        words = self.utt2spk()
        files = Files(self.folder)
        first = [SEGMENTS] * (SEGMENTS in self.names)
        for name in first + [name for name in self.names if name not in (UTT2SPK, SEGMENTS)]:
            table = self.table(name)
            ids = table.structure()
            check_values(table)
            if name == SPK2UTT:
                check_spk2utt(table, self.ids["utterance"], words)
            elif name == SEGMENTS:
                self.ids["recording"], self.origin["recording"] = recordings(table), SEGMENTS
            elif name.endswith(".scp"):
                check_paths(table, files)
            if name == WAV_SCP:
                self.sound(table, files)
            key = keyed_by(name) or "utterance"
            table.same_ids(ids, self.ids[key], self.origin[key], complete=name not in CTM)

    def sound(self, table: TableCheck, files: Files) -> None:
        """Reads the audio where that is asked for, and says what was done."""
        if not self.checks.audio:
            self.report.notes.append("the audio was not opened (--audio reads it)")
            return
        rates = sorted(check_sound(table, files).items())
        read = ", ".join(f"{count} of {rate} Hz" for rate, count in rates) or "none could be"
        self.report.notes.append(f"recordings read to their end: {read}")

    def utt2spk(self) -> IdArray:
        """Checks utt2spk; the speaker in each of its rows."""
        table = self.table(UTT2SPK)
        ids = table.structure()
        check_values(table)
        words = one_word(table)
        check_speakers(table, ids, words)
        self.report.num_utts = len(ids)
        if not len(ids):
            self.report.add(UTT2SPK, 0, "no-utterances", "there is no utterance")
        self.ids = {"utterance": ids, "recording": ids, "speaker": np.unique(words)}
        return words

    def table(self, name: str) -> TableCheck:
        """A table to check."""
        return TableCheck(name, Lines(map_file(self.folder / name)), self.checks, self.report)
