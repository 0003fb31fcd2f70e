"""Repairs a data directory: bytes, order and duplicates, then only the ids that every table has."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from masr.errors import DataError
from masr.io.datadir.directory import Table, clean_text, speakers, write_table
from masr.io.datadir.lines import BOM, Lines, map_file
from masr.io.datadir.paths import Files, check_paths
from masr.io.datadir.report import Checks, Findings
from masr.io.datadir.rules import TableCheck
from masr.io.datadir.tables import CTM, keyed_by, tables_in
from masr.io.datadir.values import check_values, one_word
from masr.io.layout import INDEX, SEGMENTS, SPK2UTT, TEXT, UTT2SPK

BACKUP = ".backup"
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_NOT_IN_ID = re.compile(r"[\s\ufeff]")


@dataclass
class Fixed:
    """What a repair did."""

    folder: Path
    num_before: int = 0
    num_after: int = 0
    changed: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    """Why -> how many rows or utterances went."""
    dropped_utts: list[str] = field(default_factory=list)
    renamed: int = 0
    backup: Path | None = None
    """The folder that holds the tables as they were."""


def fix(folder: Path, checks: Checks | None = None, prefix: bool = False, drop_missing: bool = False) -> Fixed:
    """Sorts, removes duplicates and broken rows, and keeps only the ids that are in every table.

    `prefix` renames utterances that do not begin with their speaker's id; `drop_missing` drops rows of wav.scp,
    feats.scp and the like that point at nothing (a wrong working folder would drop everything, so it is asked for).
    """
    folder, checks = Path(folder), checks or Checks()
    done = Fixed(folder)
    names = [name for name in tables_in(folder) if name != SPK2UTT]
    tables = {name: _Repaired(folder, name, checks, drop_missing, done).rows for name in names}
    done.num_before = len(tables[UTT2SPK])
    kept = _complete(tables, done)
    done.num_after = len(kept)
    if not kept:
        raise DataError(
            f"nothing of {folder} would be left: no utterance has a row in every table",
            why="; ".join(f"{why}: {count}" for why, count in done.dropped.most_common(3)) or "its tables are empty",
            fix="`masr data validate` shows what is missing; a table that is of no use can be deleted",
        )
    done.dropped_utts = sorted(tables[UTT2SPK].keys() - kept)
    for name in names:
        tables[name] = dict(_restricted(name, tables, kept))
    if prefix:
        tables = _prefixed(tables, done)
    tables[SPK2UTT] = speakers(tables[UTT2SPK])
    _write(folder, tables, done)
    return done


class _Repaired:
    """One table read with every tolerance; what cannot be a row of it is dropped and counted."""

    def __init__(self, folder: Path, name: str, checks: Checks, drop_missing: bool, done: Fixed) -> None:
        self.name, self.done = name, done
        self.rows: Table = {}
        for key, value in self._lines(bytes(map_file(folder / name))):
            if name in CTM:
                self.rows[key] = f"{self.rows[key]}\n{value}" if key in self.rows else value
            elif key in self.rows:
                self._drop("an id that was there already")
            else:
                self.rows[key] = value
        self._values(folder, checks, drop_missing)

    def _lines(self, data: bytes) -> Iterator[tuple[str, str]]:
        for line in data.removeprefix(BOM).replace(b"\r\n", b"\n").split(b"\n"):
            if not line.strip():
                continue
            try:
                text = line.decode("utf-8").strip(" \t")
            except UnicodeDecodeError:
                self._drop("not valid UTF-8")
                continue
            key, *rest = re.split("[ \t]+", text, maxsplit=1)
            value = rest[0] if rest else ""
            if self.name == TEXT:
                value = clean_text(value)
            if _CONTROL.search(text if self.name != TEXT else key):
                self._drop("a control character")
            elif _NOT_IN_ID.search(key) or (self.name == UTT2SPK and _NOT_IN_ID.search(value)):
                self._drop("a blank in an id")
            elif key:
                yield key, value

    def _values(self, folder: Path, checks: Checks, drop_missing: bool) -> None:
        """Drops the rows that the validator would refuse for what they hold."""
        listed = [(key, value) for key, text in self.rows.items() for value in text.split("\n")]
        data = "".join(f"{key} {value}\n" if value else f"{key}\n" for key, value in listed).encode()
        report = Findings(folder)
        table = TableCheck(self.name, Lines(data), checks, report)
        table.structure()
        report.findings.clear()
        check_values(table)
        if self.name == UTT2SPK:
            one_word(table)
        if drop_missing and self.name.endswith(".scp"):
            table.checks = replace(checks, files=True)
            check_paths(table, Files(folder))
        wrong = {finding.line - 1: finding.rule for finding in report.findings if finding.rule != "pipe"}
        for rule in wrong.values():
            self._drop(rule)
        kept: Table = {}
        for row, (key, value) in enumerate(listed):
            if row not in wrong:
                kept[key] = f"{kept[key]}\n{value}" if key in kept else value
        self.rows = kept

    def _drop(self, why: str) -> None:
        self.done.dropped[f"{self.name}: {why}"] += 1


def _complete(tables: Mapping[str, Table], done: Fixed) -> set[str]:
    """The utterances that every table knows, themselves or through their speaker or recording."""
    recording = {utt: value.split()[0] for utt, value in tables[SEGMENTS].items()} if SEGMENTS in tables else None
    kept = set(tables[UTT2SPK])
    for name, rows in tables.items():
        key = keyed_by(name)
        if name in CTM:
            continue
        if key == "speaker":
            lacking = {utt for utt in kept if tables[UTT2SPK][utt] not in rows}
        elif key == "recording" and recording is not None:
            lacking = {utt for utt in kept if utt in recording and recording[utt] not in rows}
        else:
            lacking = kept - rows.keys()
        if lacking:
            done.dropped[f"utterances that {name} does not have"] += len(lacking)
        kept -= lacking
    return kept


def _restricted(name: str, tables: Mapping[str, Table], kept: set[str]) -> Iterator[tuple[str, str]]:
    """A table's rows of these utterances, of their speakers or of their recordings, sorted."""
    key = keyed_by(name)
    wanted = kept
    if key == "speaker":
        wanted = {tables[UTT2SPK][utt] for utt in kept}
    elif key == "recording" and SEGMENTS in tables:
        wanted = {tables[SEGMENTS][utt].split()[0] for utt in kept}
    rows = tables[name]
    return ((row, rows[row]) for row in sorted(wanted & rows.keys()))


def _prefixed(tables: Mapping[str, Table], done: Fixed) -> dict[str, Table]:
    """The tables with utterances renamed to begin with their speaker's id."""
    new = {utt: utt if utt.startswith(spk) else f"{spk}-{utt}" for utt, spk in tables[UTT2SPK].items()}
    if len(set(new.values())) < len(new):
        twice = next(name for name, count in Counter(new.values()).items() if count > 1)
        raise DataError(f"two utterances would be called {twice}", fix="rename one of them by hand")
    done.renamed = sum(old != name for old, name in new.items())
    renamed: dict[str, Table] = {}
    for name, rows in tables.items():
        key = keyed_by(name)
        of_utts = key == "utterance" or (key == "recording" and SEGMENTS not in tables)
        renamed[name] = {new[row]: value for row, value in rows.items()} if of_utts else dict(rows)
    return renamed


def _write(folder: Path, tables: Mapping[str, Table], done: Fixed) -> None:
    """Writes what differs, after a copy of it; an older backup is never written over."""
    stage = folder / BACKUP
    number = 0
    while stage.exists():
        number += 1
        stage = folder / f"{BACKUP}.{number}"
    with tempfile.TemporaryDirectory(prefix=".fix", dir=folder) as made:
        for name in tables:
            write_table(Path(made) / name, tables[name])
        for name in sorted(tables, key=lambda name: (name == UTT2SPK, name)):
            path, new = folder / name, Path(made) / name
            if path.exists() and path.read_bytes() == new.read_bytes():
                continue
            if path.exists():
                stage.mkdir(exist_ok=True)
                shutil.copy2(path, stage / name)
                done.backup = stage
            new.replace(path)
            done.changed.append(name)
    (folder / INDEX).unlink(missing_ok=True)
