"""The end of stage 2: what the jobs left becomes the tables of the data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from masr.errors import DataError
from masr.features.cmvn import Accumulator, Stats
from masr.features.job import (
    PROBLEMS,
    Marker,
    Plan,
    fingerprint,
    marker_name,
    problems_name,
    read_marker,
    run_key,
)
from masr.features.waveforms import require_audio
from masr.io.ark import ArchiveWriter, read_array
from masr.io.atomic import atomic_write
from masr.io.checksums import SUFFIX
from masr.io.datadir import DataDir, Table, read_table, write_table
from masr.io.layout import ARCHIVES, CMVN_SCP, FEATS_SCP, UTT2NUM_FRAMES, shard_name
from masr.io.provenance import write_provenance
from masr.types import slice_of


@dataclass(frozen=True)
class Summary:
    """How many utterances of a data directory have features now, and what was left out."""

    folder: Path
    num_utts: int
    """Utterances with features."""
    num_frames: int
    num_bad: int
    num_speakers: int

    def render(self) -> str:
        """One line for the screen."""
        text = f"{self.folder}: {self.num_utts} utterances, {self.num_frames} frames, {self.num_speakers} speakers"
        if self.num_bad:
            text += f"; {self.num_bad} left out, see {self.folder / PROBLEMS}"
            text += f" (`masr data fix {self.folder}` takes them out of the other tables)"
        return text


def merge(data: DataDir, plan: Plan, num_jobs: int, max_bad: float = 0.1) -> Summary:
    """Writes utt2num_frames, cmvn.scp and, last, feats.scp out of what the N jobs left."""
    require_audio(data)
    folder = data.folder / ARCHIVES
    markers = _checked_markers(data, plan, num_jobs)
    bad, utts = sum(m.num_bad for m in markers), sum(m.num_utts for m in markers)
    problems = "".join((folder / problems_name(job)).read_text(encoding="utf-8") for job in range(1, num_jobs + 1))
    atomic_write(data.folder / PROBLEMS, problems)
    if utts == bad or bad > max_bad * utts:
        raise DataError(
            f"{bad} of {utts} utterances of {data.folder} gave no features",
            why="the first: " + problems.split("\n", 1)[0].replace("\t", ": ") if problems else "",
            fix=f"read {data.folder / PROBLEMS}; --max-bad allows a larger share than {max_bad:g}",
        )
    (data.folder / FEATS_SCP).unlink(missing_ok=True)
    num_frames = _gathered(folder, UTT2NUM_FRAMES, "", num_jobs)
    num_speakers = _merge_cmvn(data.folder, num_jobs)
    write_table(data.folder / UTT2NUM_FRAMES, num_frames)
    _remove_orphans(folder, num_jobs)
    if not bad:
        (data.folder / PROBLEMS).unlink()
    write_provenance(folder, plan.config, num_jobs=num_jobs)
    write_table(data.folder / FEATS_SCP, _gathered(folder, "feats", ".scp", num_jobs))
    return Summary(data.folder, len(num_frames), sum(map(int, num_frames.values())), bad, num_speakers)


def _checked_markers(data: DataDir, plan: Plan, num_jobs: int) -> list[Marker]:
    """All N markers; DataError naming the jobs that are missing, or that ran on something else."""
    folder = data.folder / ARCHIVES
    found = {job: read_marker(folder / marker_name(job)) for job in range(1, num_jobs + 1)}
    missing = [job for job, marker in found.items() if marker is None]
    if missing:
        raise DataError(
            f"{data.folder}: features of job {_numbers(missing)} of {num_jobs} are missing",
            why="they failed, were killed, or still run",
            fix=f"read their logs, then run `masr features {data.folder} --job {missing[0]}/{num_jobs}` and so on",
        )
    markers = [marker for marker in found.values() if marker is not None]
    key = run_key(plan)
    stale = [
        m.job
        for m in markers
        if (m.num_jobs, m.key) != (num_jobs, key)
        or m.inputs != fingerprint(data, data.utts[slice(*slice_of(len(data), m.job, num_jobs))])
    ]
    if stale:
        raise DataError(
            f"{data.folder}: features of job {_numbers(stale)} of {num_jobs} do not belong to this run",
            why="the array had another size, another configuration, or the tables of the directory have changed since",
            fix="run these jobs again, with the options that the merge has",
        )
    return markers


def _numbers(jobs: list[int]) -> str:
    return ", ".join(map(str, jobs[:20])) + (f" and {len(jobs) - 20} more" if len(jobs) > 20 else "")


def _gathered(folder: Path, stem: str, ending: str, num_jobs: int) -> Table:
    """The rows of every job's table of one kind, together."""
    rows: Table = {}
    for job in range(1, num_jobs + 1):
        path = folder / (shard_name(stem, job) + ending)
        if path.stat().st_size:
            rows |= read_table(path)
    return rows


def _merge_cmvn(folder: Path, num_jobs: int) -> int:
    """Writes cmvn.scp with each speaker's statistics, summed over jobs; the number of speakers comes back."""
    sums: dict[str, Accumulator] = {}
    for job in range(1, num_jobs + 1):
        for speaker, entry in _gathered_one(folder / ARCHIVES / (shard_name("cmvn", job) + ".scp")).items():
            stats: Stats = read_array(entry)
            sums.setdefault(speaker, Accumulator(stats.shape[1] - 1)).merge(stats)
    with ArchiveWriter(folder / ARCHIVES / "cmvn.ark") as archive:
        for speaker in sorted(sums):
            archive.append(speaker, sums[speaker].stats)
    write_table(folder / CMVN_SCP, archive.rows)
    return len(sums)


def _gathered_one(path: Path) -> Table:
    return read_table(path) if path.stat().st_size else {}


def _remove_orphans(folder: Path, num_jobs: int) -> None:
    """Removes archives of an earlier, larger array, which would lie there for ever."""
    for stem, ending in (
        ("feats", ".ark"),
        ("feats", f".ark{SUFFIX}"),
        ("feats", ".scp"),
        ("cmvn", ".ark"),
        ("cmvn", f".ark{SUFFIX}"),
        ("cmvn", ".scp"),
        (UTT2NUM_FRAMES, ""),
        ("features_problems", ".tsv"),
        ("features", ".json"),
    ):
        for path in folder.glob(f"{stem}.*{ending}"):
            number = path.name.removeprefix(f"{stem}.").removesuffix(ending) if ending else path.name[len(stem) + 1 :]
            if number.isdecimal() and int(number) > num_jobs:
                path.unlink()
