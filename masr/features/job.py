"""One job of stage 2: a slice of a data directory's utterances becomes a feature archive.

A job takes its slice of the sorted utterances and writes DATA/data/feats.J.ark with its tables; its marker
features.J.json comes last. The merge believes markers only, and feats.scp is the last file it writes. What an
earlier run left is taken away before the first byte of a new one, so that a run that was killed leaves nothing that
looks finished.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from masr.config import Named, dump
from masr.errors import UsageError
from masr.features.cmvn import Accumulator
from masr.features.waveforms import Unread, batches, items_of, read_waveforms, require_audio
from masr.files import parse_json
from masr.io.ark import ArchiveWriter, Storage
from masr.io.atomic import atomic_write
from masr.io.datadir import DataDir, write_table
from masr.io.identity import digest
from masr.io.layout import ARCHIVES, CMVN_SCP, FEATS_SCP, INDEX, SEGMENTS, UTT2NUM_FRAMES, UTT2SPK, WAV_SCP, shard_name
from masr.types import Features, FloatArray, slice_of

PROBLEMS = "features_problems.tsv"
POOL_SEC, BATCH_SEC = 1200, 600
Report = Callable[[int], None]
"""A function that is told how many more utterances are done."""


@dataclass(frozen=True)
class Plan:
    """What every job of a run has in common."""

    features: Features
    storage: Storage = "float32"
    device: str = "cpu"
    allow_pipes: bool = False
    config: Any = None
    """The resolved configuration: written beside the archives, and jobs that ran under another are not merged."""


@dataclass(frozen=True)
class Section:
    """The part of a run's configuration that this stage reads: another change is none to it."""

    features: Named
    storage: Storage


def plan_of(section: Section, features: Any, device: str, allow_pipes: bool) -> Plan:
    """A plan to make `features`, which are those of `section`, on a device of this machine."""
    # A block of frames is too small to share; more cores are for --nj.
    torch.set_num_threads(1)
    try:
        place = torch.device(device)
    except RuntimeError:
        raise UsageError(f"--device {device} is no device", fix="give cpu or cuda") from None
    if place.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"--device {device}: there is no GPU here", fix="leave --device out; see `masr doctor`")
    return Plan(features.to(place), section.storage, device, allow_pipes, section)


@dataclass(frozen=True)
class Marker:
    """Proof that a job ended, and of what it had read."""

    job: int
    num_jobs: int
    key: str
    inputs: str
    num_utts: int
    num_bad: int

    def render(self) -> str:
        """One line for the screen."""
        return f"job {self.job} of {self.num_jobs}: {self.num_utts - self.num_bad} utterances, {self.num_bad} left out"


def run_job(data: DataDir, plan: Plan, job: int, num_jobs: int, report: Report = lambda _: None) -> Marker:
    """Writes the J-th of N slices under DATA/data; jobs run in any order, in any process, on any machine."""
    require_audio(data)
    folder = data.folder / ARCHIVES
    utts = data.utts[slice(*slice_of(len(data), job, num_jobs))]
    discard(data.folder)
    (folder / marker_name(job)).unlink(missing_ok=True)
    for stem in ("feats", "cmvn"):
        for left in folder.glob(f".{shard_name(stem, job)}.ark.*.tmp"):
            left.unlink()  # of a job that was killed
    speakers = data.table(UTT2SPK)
    problems: list[Unread] = []
    num_frames: dict[str, str] = {}
    stats: dict[str, Accumulator] = {}
    with ArchiveWriter(folder / (shard_name("feats", job) + ".ark"), plan.storage) as archive:
        for utt, frames in _frames(data, utts, plan, problems, report):
            archive.append(utt, frames)
            num_frames[utt] = str(len(frames))
            stats.setdefault(speakers[utt], Accumulator(frames.shape[1])).add(torch.from_numpy(frames))
    with ArchiveWriter(folder / (shard_name("cmvn", job) + ".ark")) as cmvn:
        for speaker in sorted(stats):
            cmvn.append(speaker, stats[speaker].stats)
    write_table(folder / (shard_name("feats", job) + ".scp"), archive.rows)
    write_table(folder / (shard_name("cmvn", job) + ".scp"), cmvn.rows)
    write_table(folder / shard_name(UTT2NUM_FRAMES, job), num_frames)
    atomic_write(folder / problems_name(job), "".join(sorted(f"{p.utt}\t{_line(p.reason)}\n" for p in problems)))
    marker = Marker(job, num_jobs, run_key(plan), fingerprint(data, utts), len(utts), len(problems))
    atomic_write(folder / marker_name(job), json.dumps(asdict(marker), indent=2) + "\n")
    return marker


def fingerprint(data: DataDir, utts: Sequence[str]) -> str:
    """A digest of what the tables say of these utterances: it changes when a job would read something else."""
    recordings, speakers = data.table(WAV_SCP), data.table(UTT2SPK)
    segments = data.table(SEGMENTS) if data.has(SEGMENTS) else None
    rows = []
    for utt in utts:
        segment = None if segments is None else segments.get(utt, "")
        recording = utt if segment is None else (segment.split() or [""])[0]
        rows.append((utt, speakers.get(utt), segment, recordings.get(recording)))
    return digest(rows)


def _frames(
    data: DataDir, utts: Sequence[str], plan: Plan, problems: list[Unread], report: Report
) -> Iterator[tuple[str, FloatArray]]:
    """Features of every utterance that has some; the others are added to `problems`."""
    features = plan.features
    rate = features.sample_rate

    def good() -> Iterator[tuple[str, FloatArray]]:
        for read in read_waveforms(items_of(data, utts), rate, plan.allow_pipes):
            if isinstance(read, Unread):
                problems.append(read)
            elif features.num_frames(len(read[1])) == 0:
                problems.append(Unread(read[0], f"too short: {len(read[1])} samples give no frame"))
            else:
                yield read
                continue
            report(1)

    on_cpu = torch.device(plan.device).type == "cpu"
    # On a CPU utterances do not share a block of frames: alone, nothing has to be padded or copied.
    for batch in batches(good(), 0 if on_cpu else BATCH_SEC * rate, POOL_SEC * rate):
        frames, num_frames = features(batch.waveforms.to(plan.device), batch.num_samples)
        for utt, row, count in zip(batch.utts, frames.cpu().numpy(), num_frames.tolist()):
            yield utt, row[:count]
        report(len(batch.utts))


def discard(folder: Path) -> None:
    """Removes the files that say that an earlier run is done, before anything of a new one is written."""
    (folder / ARCHIVES).mkdir(exist_ok=True)
    for name in (FEATS_SCP, CMVN_SCP, UTT2NUM_FRAMES, INDEX, PROBLEMS):
        (folder / name).unlink(missing_ok=True)


def run_key(plan: Plan) -> str:
    """A text that is equal for jobs of one run: what they have in common."""
    return digest([plan.storage, dump(plan.config) if plan.config else ""])


def marker_name(job: int) -> str:
    """The name of the file that says that a job ended."""
    return shard_name("features", job) + ".json"


def problems_name(job: int) -> str:
    """The name of the file that lists what a job left out."""
    return shard_name("features_problems", job) + ".tsv"


def _line(text: str) -> str:
    return " ".join(text.split())


def read_marker(path: Path) -> Marker | None:
    """The marker that a job left; None where it did not end."""
    try:
        return Marker(**parse_json(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
