"""Data directories out of one: subset and split, with every table carried along."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from masr.errors import DataError, near
from masr.io.datadir.directory import DataDir, DataDirWriter, Table
from masr.io.datadir.recordings import dealt_out
from masr.io.datadir.slices import Slicer, copy_whole, speaker_changes
from masr.io.datadir.tables import Key, keyed_by
from masr.io.layout import SEGMENTS, SPK2UTT, TEXT, UTT2SPK, WAV_SCP

_WRITERS = 4
"""Threads that write parts: most of the time goes into waiting until a table is safe on disk."""


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
    folders = [root / str(n) for n in range(1, num + 1)]
    cuts = _speaker_cuts(source, num) if by_speaker else [len(source) * n // num for n in range(num + 1)]
    if cuts is None:
        parts = _speaker_parts(source, num)
        _write(source, [(folder, set(part)) for folder, part in zip(folders, parts)])
        return folders
    slicer = Slicer(source)
    with ThreadPoolExecutor(_WRITERS) as pool:
        written = [pool.submit(slicer.write, *part) for part in zip(folders, cuts, cuts[1:])]
        try:
            for one in written:
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return folders


def split_by_label(source: DataDir, num: int, whole: str, within: str | None, out: Path) -> list[Path]:
    """Writes OUT/1 .. OUT/N, each label of `whole` in one of them; `dealt_out` says which."""
    parts = dealt_out(source, num, whole, within)
    folders = [out / str(n) for n in range(1, num + 1)]
    _write(source, [(folder, set(part)) for folder, part in zip(folders, parts, strict=True)])
    return folders


def _speaker_cuts(source: DataDir, num: int) -> list[int] | None:
    """Where the parts begin and end; None where utterances do not sort as their speakers do."""
    firsts = speaker_changes(source.table(UTT2SPK))
    if firsts is None:
        return None
    edges = [*firsts, len(source)]
    sizes = [last - first for first, last in pairwise(edges)]
    return [edges[place] for place in _shares(sizes, num)]


def _speaker_parts(source: DataDir, num: int) -> list[list[str]]:
    """The utterances of each part, where speakers' utterances lie apart."""
    groups: dict[str, list[str]] = defaultdict(list)
    for utt, speaker in source.table(UTT2SPK).items():
        groups[speaker].append(utt)
    speakers = sorted(groups)
    edges = _shares([len(groups[speaker]) for speaker in speakers], num)
    return [[utt for speaker in speakers[low:high] for utt in groups[speaker]] for low, high in pairwise(edges)]


def _shares(sizes: Sequence[int], num: int) -> list[int]:
    """Consecutive speakers cut into parts, each as near to its even share of utterances as whole speakers allow."""
    edges, total = [0], sum(sizes)
    place = taken = 0
    for n in range(1, num + 1):
        last = len(sizes) - (num - n)
        while place < last and (place == edges[-1] or n == num or taken + sizes[place] / 2 <= total * n / num):
            taken += sizes[place]
            place += 1
        edges.append(place)
    return edges


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
    owners: dict[str, set[int]] = defaultdict(set)
    for utt, value in table.items():
        if utt in owner:
            owners[value].add(owner[utt])
    return owners


def refuse_same(out: Path, sources: Sequence[Path]) -> None:
    """DataError where a directory would be read and written at once."""
    if Path(out).resolve() in [source.resolve() for source in sources]:
        raise DataError(f"{out} would be read and written at once", fix="write to another directory")
