"""What probes learn from: vectors of utterances, their labels and speakers, and which of them are for what.

Shapes: N utterances, D width, M frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from masr.errors import AnalysisError
from masr.io.datadir import DataDir
from masr.io.frames import Array, load_array, open_frames
from masr.io.layout import EMBEDDINGS, FRAMES, UTT2SPK, label_table
from masr.types import FloatArray, IntArray

StrArray = npt.NDArray[np.str_]

SPEAKER = "spk"
"""The kind whose table is utt2spk: its labels are the speakers themselves."""
ROLES = ("train", "dev", "test")
SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}
_MISSING = ("", "unknown")
_LAYER = "layer"


@dataclass(frozen=True, eq=False)
class Part:
    """The utterances of one role: train, dev or test."""

    folder: Path
    rows: IntArray
    """Places, in the folder's order, of the utterances that have a label."""
    labels: StrArray
    speakers: StrArray
    num_unlabelled: int


@dataclass(frozen=True, eq=False)
class ProbeTask:
    """One kind of label, and who learns, chooses and is tested on it."""

    kind: str
    parts: Mapping[str, Part]
    notes: tuple[str, ...]
    speakers_known: bool
    commonest: str
    """The commonest label of train."""


def layers_of(folder: Path) -> dict[str, Path]:
    """Folders of the layers that `masr extract --layers` wrote, in order; the folder itself where it is one."""
    found = [path for path in folder.glob(f"{_LAYER}*") if path.name[len(_LAYER) :].isdigit() and path.is_dir()]
    layers = {path.name[len(_LAYER) :]: path for path in sorted(found, key=lambda p: int(p.name[len(_LAYER) :]))}
    if layers:
        return layers
    if not ((folder / EMBEDDINGS).is_file() or (folder / FRAMES).is_file()):
        raise AnalysisError(
            f"{folder} has no {EMBEDDINGS}, no {FRAMES} and no folders of layers",
            fix="make it: masr extract MODEL DATA OUT --layers all",
        )
    return {"": folder}


def vectors_of(folder: Path) -> FloatArray:
    """(N, D) one vector for each utterance of a folder: as they are, or the mean of the utterance's frames."""
    path = folder / EMBEDDINGS
    if path.is_file():
        found = np.asarray(load_array(path), dtype=np.float32)
        count = len(DataDir.open(folder))
        if found.ndim != 2 or len(found) != count:
            raise AnalysisError(
                f"{path} has the shape {found.shape} for {count} utterances", fix="run masr extract again"
            )
    else:
        path = folder / FRAMES
        frames = open_frames(folder)
        found = np.stack([frames.read(n).mean(axis=0, dtype=np.float32) for n in range(len(frames.counts))])
    if not np.isfinite(found).all():
        raise AnalysisError(f"{path} holds NaN or infinite values", why="the model diverged, or the file is damaged")
    return found


def open_task(kind: str, folders: Mapping[str, Path], seed: int) -> ProbeTask:
    """The task of `kind` over the folders of train and, where they are given, of dev and test.

    What is not given is cut out of train: whole speakers, or, where the speakers are the labels, utterances of each.
    """
    notes: list[str] = []
    given = {role: read_part(folder, kind) for role, folder in folders.items()}
    if kind == SPEAKER and len(given) > 1:
        shared = set(given["train"].labels)
        if any(not shared & set(part.labels) for part in given.values()):
            given = {"train": given["train"]}
            notes.append(
                "train, dev and test share no speakers, so none could be identified: each speaker's utterances of "
                "train were divided instead"
            )
    lacking = [role for role in ROLES if role not in given]
    if lacking:
        given |= _divided(given["train"], ["train", *lacking], kind == SPEAKER, seed)
        unit = "utterances of each speaker" if kind == SPEAKER else "speakers"
        notes.append(f"{' and '.join(lacking)} cut out of train: {unit}")
    known = any(len(np.unique(part.speakers)) < len(part.speakers) for part in given.values())
    names, counts = np.unique(given["train"].labels, return_counts=True)
    task = ProbeTask(kind, {role: given[role] for role in ROLES}, tuple(notes), known, str(names[counts.argmax()]))
    if len(names) < 2:
        raise AnalysisError(f"{kind}: train has one label only, which leaves no question", fix="give another kind")
    for role in ("dev", "test"):
        _require_shared(task, role)
    return task


def _require_shared(task: ProbeTask, role: str) -> None:
    if not np.isin(task.parts[role].labels, task.parts["train"].labels).any():
        raise AnalysisError(
            f"{task.kind}: no label of {role} is among those of train",
            why="labels of single utterances or speakers are not shared between sets of other speakers",
            fix="give TRAIN alone: dev and test are then cut out of it",
        )


def few_shots(task: ProbeTask, shots: int, seed: int) -> ProbeTask:
    """The task with so many utterances of each label to learn from, or all where a label has fewer.

    They are drawn by `seed`; fewer shots with the same seed are among them.
    """
    part = task.parts["train"]
    names, numbers, counts = np.unique(part.labels, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(part.rows))
    taken = [order[numbers[order] == label][:shots] for label in range(len(names))]
    kept = np.sort(np.concatenate(taken))
    train = replace(part, rows=part.rows[kept], labels=part.labels[kept], speakers=part.speakers[kept])
    note = f"{shots} utterance{'s' * (shots > 1)} of each label to learn from, drawn with seed {seed}"
    if lacking := int((counts < shots).sum()):
        note += f"; {lacking} of {len(names)} labels have fewer"
    return replace(task, parts={**task.parts, "train": train}, notes=(*task.notes, note))


def read_part(folder: Path, kind: str) -> Part:
    """All utterances of a folder that have a label."""
    data = DataDir.open(folder)
    speakers = data.table(UTT2SPK)
    table = speakers if kind == SPEAKER else data.labels(kind)
    labels = np.array([table.get(utt, "").strip() for utt in data.utts], dtype=np.str_)
    rows = np.flatnonzero(~np.isin(labels, _MISSING))
    if not len(rows):
        raise AnalysisError(f"{folder / label_table(kind)} has no label for any utterance")
    who = np.array([speakers.at(int(row)) for row in rows], dtype=np.str_)
    return Part(folder, rows, labels[rows], who, len(labels) - len(rows))


def _divided(part: Part, roles: Sequence[str], by_utterance: bool, seed: int) -> dict[str, Part]:
    """A part divided by roles: speakers stay whole, or their utterances are dealt out. Labels are spread evenly."""
    random = np.random.default_rng(seed)
    names, first, numbers = np.unique(part.speakers, return_index=True, return_inverse=True)
    total = sum(SHARES[role] for role in roles)
    shares = np.array([SHARES[role] / total for role in roles])
    if by_utterance:
        groups, units = numbers, np.arange(len(part.rows))
    else:
        groups, units = np.unique(part.labels[first], return_inverse=True)[1], np.arange(len(names))
    role_of = np.zeros(len(units), dtype=np.int64)
    for group in range(int(groups.max()) + 1):
        members = random.permutation(units[groups == group])
        role_of[members] = _dealt(len(members), shares, group)
    of_row = role_of if by_utterance else role_of[numbers]
    found = {}
    for place, role in enumerate(roles):
        kept = of_row == place
        if not kept.any():
            raise AnalysisError(
                f"{part.folder}: too few {'utterances of each speaker' if by_utterance else 'speakers'} to cut a "
                f"{role} set out of it",
                fix="give --dev and --test",
            )
        lost = part.num_unlabelled if role == "train" else 0
        found[role] = Part(part.folder, part.rows[kept], part.labels[kept], part.speakers[kept], lost)
    return found


def _dealt(count: int, shares: npt.NDArray[np.float64], turn: int) -> IntArray:
    """(count,) numbers of roles: the first is train, then come the others in turn, the rest follow the shares."""
    others = np.roll(np.arange(1, len(shares)), turn)
    found = [0, *others.tolist()][:count]
    while len(found) < count:
        have = np.bincount(found, minlength=len(shares))
        found.append(int(np.argmax(shares * (len(found) + 1) - have)))
    return np.array(found, dtype=np.int64)


def same_order(folders: Sequence[Path]) -> None:
    """AnalysisError unless all layers are of the same utterances in the same order."""
    first = DataDir.open(folders[0])
    for folder in folders[1:]:
        other = DataDir.open(folder)
        if len(other) != len(first) or list(other.utts) != list(first.utts):
            raise AnalysisError(
                f"{folder} and {folders[0]} are of other utterances", fix="extract all layers with one command"
            )


def scaled(vectors: FloatArray, mean: Array, deviation: Array) -> FloatArray:
    """(N, D) vectors minus the mean, divided by the deviation; a dimension that never moves becomes zeros."""
    safe = np.where(deviation > 1e-6 * max(float(deviation.max()), 1e-30), deviation, np.inf)
    found: FloatArray = ((vectors - mean) / safe).astype(np.float32)
    return found
