"""One data directory out of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from masr.errors import DataError
from masr.io.ark import ArchiveWriter, read_array
from masr.io.datadir.choose import durations
from masr.io.datadir.directory import DataDir, Table, write_datadir
from masr.io.datadir.select import refuse_same
from masr.io.datadir.slices import copy_whole
from masr.io.datadir.tables import CTM, WHOLE, keyed_by
from masr.io.layout import ARCHIVES, CMVN_SCP, SEGMENTS, SPK2UTT, label_table

Partial = Literal["stop", "drop", "keep"]
"""What becomes of a table that only some directories have."""


def combine(out: Path, sources: Sequence[DataDir], partial: Partial = "stop", origin: str | None = None) -> DataDir:
    """Writes the union; the same utterance twice, or a row with two values, is an error.

    A table that only some directories have stops it, unless `partial` says to drop it, as Kaldi does, or to keep
    the rows there are. `segments` and reco2dur are completed, for an utterance that is a recording is one whole
    segment of it; alignments never have to cover every utterance. A speaker of several directories gets the sum of
    their statistics in cmvn.scp. utt2<origin> gets the name of the directory that an utterance comes from.
    """
    refuse_same(out, [source.folder for source in sources])
    _refuse_other_facts(sources)
    names = sorted({name for source in sources for name in source.tables()} - {SPK2UTT})
    made = set(CTM) | ({SEGMENTS, "reco2dur"} if any(source.has(SEGMENTS) for source in sources) else set())
    some = [name for name in names if not all(source.has(name) for source in sources) and name not in made]
    if some and partial == "stop":
        lacking = next(source.folder for source in sources if not source.has(some[0]))
        raise DataError(
            f"only some of the directories have {', '.join(some)}; {lacking} has no {some[0]}",
            why="a table with rows for some utterances only is no table of the whole",
            fix="choose --partial drop (leave them out, as Kaldi does) or --partial keep (keep the rows there are)",
        )
    if partial == "drop":
        names = [name for name in names if name not in some]
    tables = {name: _union(name, sources) for name in names if name != CMVN_SCP}
    if CMVN_SCP in names:
        tables[CMVN_SCP] = _summed_stats(Path(out), sources)
    if origin:
        tables[label_table(origin)] = _origins(origin, sources)
    write_datadir(out, tables)
    copy_whole(next((s.folder for s in sources if any((s.folder / n).is_file() for n in WHOLE)), out), Path(out))
    return DataDir.open(out)


def _origins(kind: str, sources: Sequence[DataDir]) -> Table:
    """Utterance -> name of its directory."""
    if any(source.has(label_table(kind)) for source in sources):
        raise DataError(f"there is a {label_table(kind)} already", fix="choose another kind for --origin")
    names = [source.folder.resolve().name for source in sources]
    if len(set(names)) < len(names):
        raise DataError(
            f"directories share a name, so it says not where an utterance is from: {', '.join(names)}",
            fix="leave --origin out, or rename one of them",
        )
    return {utt: name for source, name in zip(sources, names) for utt in source.utts}


def _union(name: str, sources: Sequence[DataDir]) -> Table:
    rows: Table = {}
    for source in sources:
        added = dict(source.table(name).items()) if source.has(name) else _completed(name, source)
        for key in rows.keys() & added.keys():
            if keyed_by(name) == "utterance" or rows[key] != added[key]:
                raise DataError(
                    f"{key} is in {source.folder / name} and in another of the directories",
                    why="an id names one thing: a directory was given twice, or two corpora use the same ids",
                    fix="begin the ids of one of them with a word of its own",
                )
        rows.update(added)
    return rows


def _summed_stats(out: Path, sources: Sequence[DataDir]) -> Table:
    """cmvn.scp: entries as they are, but for speakers of several directories, whose sums are written to `out`."""
    entries: dict[str, list[str]] = {}
    for source in sources:
        for speaker, entry in dict(source.table(CMVN_SCP).items()).items() if source.has(CMVN_SCP) else ():
            entries.setdefault(speaker, []).append(entry)
    rows = {speaker: parts[0] for speaker, parts in entries.items()}
    shared = {speaker: list(dict.fromkeys(parts)) for speaker, parts in entries.items() if len(set(parts)) > 1}
    if shared:
        with ArchiveWriter(out / ARCHIVES / "cmvn.ark") as archive:
            for speaker, parts in shared.items():
                stats = [read_array(part) for part in parts]
                if len({one.shape for one in stats}) > 1:
                    raise DataError(
                        f"the statistics of {speaker} in {CMVN_SCP} have other shapes in other directories",
                        fix="make the features of all of them anew with one configuration",
                    )
                archive.append(speaker, sum(stats[1:], stats[0]))
        rows |= archive.rows
    return rows


def _completed(name: str, source: DataDir) -> Table:
    """The rows of a missing table that follow from others: whole recordings as segments, and their lengths."""
    if name == SEGMENTS:
        return {utt: f"{utt} 0 {sec}" for utt, sec in durations(source).items()}
    if name == "reco2dur" and not source.has(SEGMENTS):
        return {utt: str(sec) for utt, sec in durations(source).items()}
    return {}


def _refuse_other_facts(sources: Sequence[DataDir]) -> None:
    for name in sorted(WHOLE):
        values = {
            source.folder: (source.folder / name).read_bytes() for source in sources if (source.folder / name).is_file()
        }
        if len(set(values.values())) > 1:
            folders = ", ".join(str(folder) for folder in values)
            raise DataError(
                f"{name} is not the same in {folders}", fix="make their features anew with one configuration"
            )
