"""Data directories out of one: subset and split, with every table carried along."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from masr.errors import DataError, near
from masr.io.datadir.directory import DataDir, DataDirWriter, Table
from masr.io.datadir.tables import WHOLE, Key, keyed_by
from masr.io.layout import SEGMENTS, SPK2UTT, TEXT, UTT2SPK, WAV_SCP


def subset(source: DataDir, out: Path, utts: Collection[str]) -> DataDir:
    """Writes the directory of these utterances, with their speakers' and recordings' rows of every table."""
    chosen = set(utts)
    unknown = sorted(utt for utt in chosen if utt not in source.utts)
    if unknown:
        raise DataError(
            f"{source.folder} has no utterance {unknown[0]}" + (f", nor {len(unknown) - 1} more" * (len(unknown) > 1)),
            fix=near(unknown[0], source.utts) if len(source) < 100_000 else "look into its utt2spk",
        )
    if not chosen:
        raise DataError(
            f"nothing of {source.folder} is left to write to {out}",
            why="no utterance meets all that was asked for",
            fix="ask for less; `masr data summary` and `masr data labels` show what there is",
        )
    refuse_same(out, [source.folder])
    _write(source, [(Path(out), chosen)])
    return DataDir.open(out)


def split(source: DataDir, num: int, by_speaker: bool = False, out: Path | None = None) -> list[Path]:
    """Writes `num` directories of nearly equal size, named as Kaldi does: DIR/split4utt/1 .., by speaker DIR/split4.

    Each holds consecutive utterances, so that their tables, one after the other, are the tables of the source.
    """
    limit = len(source.table(SPK2UTT)) if by_speaker and source.has(SPK2UTT) else len(source)
    if not 1 <= num <= limit:
        raise DataError(
            f"{source.folder} cannot be split into {num}: it has {limit} {'speakers' if by_speaker else 'utterances'}",
            fix=f"choose a number from 1 to {limit}" + (", or split by utterance" if by_speaker else ""),
        )
    root = out or source.folder / f"split{num}{'' if by_speaker else 'utt'}"
    parts = _speaker_parts(source, num) if by_speaker else _even_parts(list(source.utts), num)
    folders = [root / str(n) for n in range(1, num + 1)]
    _write(source, [(folder, set(part)) for folder, part in zip(folders, parts)])
    return folders


def _even_parts(utts: Sequence[str], num: int) -> list[Sequence[str]]:
    cuts = [len(utts) * n // num for n in range(num + 1)]
    return [utts[low:high] for low, high in pairwise(cuts)]


def _speaker_parts(source: DataDir, num: int) -> list[list[str]]:
    """Consecutive speakers, each part as near to its even share of utterances as whole speakers allow."""
    groups: dict[str, list[str]] = defaultdict(list)
    for utt, speaker in source.table(UTT2SPK).items():
        groups[speaker].append(utt)
    speakers = sorted(groups)
    parts: list[list[str]] = []
    taken = place = 0
    for n in range(1, num + 1):
        part: list[str] = []
        last = len(speakers) - (num - n)
        while place < last and (
            not part or n == num or taken + len(groups[speakers[place]]) / 2 <= len(source) * n / num
        ):
            part += groups[speakers[place]]
            taken += len(groups[speakers[place]])
            place += 1
        parts.append(part)
    return parts


def _write(source: DataDir, parts: list[tuple[Path, set[str]]]) -> None:
    """Every part's directory; a table is read once for all of them."""
    owner = {utt: place for place, (_, utts) in enumerate(parts) for utt in utts}
    wanted: dict[Key, dict[str, set[int]]] = {"utterance": {utt: {place} for utt, place in owner.items()}}
    wanted["speaker"] = _owners(source.table(UTT2SPK), owner)
    wanted["recording"] = wanted["utterance"]
    if source.has(SEGMENTS):
        recordings = {utt: value.split()[0] for utt, value in source.table(SEGMENTS).items() if value}
        wanted["recording"] = _owners(recordings, owner)
    writers = [DataDirWriter(folder, source.tables()) for folder, _ in parts]
    rows: list[Table] = []
    for name in sorted(source.tables(), key=lambda name: name == UTT2SPK):
        places = wanted[keyed_by(name) or "utterance"]
        rows = [{} for _ in parts]
        for row, value in source.table(name).items() if name != SPK2UTT else ():
            for place in places.get(row, ()):
                rows[place][row] = value
        for writer, part in zip(writers, rows):
            if part or name in (TEXT, WAV_SCP):
                writer.add(name, part)
    for writer, part in zip(writers, rows):  # the last table was utt2spk
        copy_whole(source.folder, writer.folder)
        writer.finish(part)


def _owners(table: Mapping[str, str], owner: Mapping[str, int]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for utt, value in table.items():
        if utt in owner:
            found[value].add(owner[utt])
    return found


def copy_whole(source: Path, out: Path) -> None:
    """Copies the files that speak of the directory as a whole."""
    for name in sorted(WHOLE):
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)


def refuse_same(out: Path, sources: Sequence[Path]) -> None:
    """DataError where a directory would be read and written at once."""
    if Path(out).resolve() in [source.resolve() for source in sources]:
        raise DataError(f"{out} would be read and written at once", fix="write to another directory")
