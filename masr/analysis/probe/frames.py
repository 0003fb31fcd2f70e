"""What single frames tell of the phone that is spoken: a linear probe and a small network, from alignments.

A frame has the phone in whose time its middle lies; phones.ctm says when phones are, what masr extract wrote says when
frames are. Train is a sample of its frames that fits into memory, dev one as well; test is all of its frames.

Shapes: M frames, D width, K phones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from masr.analysis.probe import perceptron as probe_perceptron
from masr.analysis.probe.data import StrArray, scaled
from masr.analysis.probe.figures import figures
from masr.analysis.probe.layer_mix import Mix, learn, most_rows
from masr.analysis.probe.softmax import Regression
from masr.analysis.probe.utterances import STRENGTHS, Chosen, Layer, Said, places
from masr.errors import AnalysisError
from masr.io.alignment import Stretches, stretches_of
from masr.io.datadir import DataDir
from masr.io.frames import ArrayFrames, Grid, open_frames
from masr.io.layout import PHONES_CTM, UTT2SPK
from masr.types import FloatArray, IntArray

METHODS = ("linear", "mlp")
SILENCES = ("", "sil", "sp", "spn", "nsn", "<eps>", "<sil>", "SIL", "SP", "SPN")
MOST_FRAMES = 1_000_000
_DEV_FRAMES = 200_000
_BLOCK = 65_536
_STRESS = re.compile(r"([A-Z]{2})[012]")
Answers = Callable[[FloatArray], IntArray]


@dataclass(frozen=True, eq=False)
class Aligned:
    """Frames of one role that have a phone."""

    frames: Mapping[str, ArrayFrames]
    """Layer -> its frames."""
    rows: IntArray
    """(M,) their places among all frames."""
    labels: IntArray
    """(M,) places in `names`."""
    names: StrArray
    utts: IntArray
    """(M,) the number of each frame's utterance."""
    speakers: StrArray
    """The speaker of each utterance."""
    num_left_out: int
    """Frames that are silence, or that no phone covers."""


@dataclass(frozen=True)
class Options:
    """How labels and frames are taken."""

    silences: tuple[str, ...] = SILENCES
    exact: bool = False
    """Whether vowels with other stress, AH0 and AH1, are phones of their own."""
    most_frames: int = MOST_FRAMES
    seed: int = 0
    device: str = "cpu"


def open_aligned(layers: Mapping[str, Path], options: Options) -> Aligned:
    """Labels of the frames of a folder; all of its layers have the same frames."""
    folder = next(iter(layers.values()))
    frames = {name: open_frames(path) for name, path in layers.items()}
    first = next(iter(frames.values()))
    if any(not np.array_equal(one.offsets, first.offsets) for one in frames.values()):
        raise AnalysisError(f"the layers of {folder.parent} have different frames", fix="extract them with one command")
    if first.grid is None:
        raise AnalysisError(f"{folder} does not say when its frames are", fix="run masr extract --pool none again")
    data = DataDir.open(folder)
    if not data.has(PHONES_CTM):
        raise AnalysisError(
            f"{folder} has no {PHONES_CTM}",
            fix=f"extract from a data directory that has {PHONES_CTM}, with --pool none",
        )
    found, seen = [], {"": 0}
    for place, utt in enumerate(data.utts):
        phones = stretches_of(data, PHONES_CTM, utt)
        found.append(frame_labels(phones, int(first.counts[place]), first.grid, seen, options))
    every = np.concatenate(found)
    rows = np.flatnonzero(every)
    if not len(rows):
        raise AnalysisError(f"{folder / PHONES_CTM} labels no frame", why="its utterances or its times are others")
    names, places_of = np.unique(list(seen), return_inverse=True)
    speakers = data.table(UTT2SPK)
    who = np.array([speakers.at(n) for n in range(len(data))], dtype=np.str_)
    of_frame = np.repeat(np.arange(len(data)), first.counts)
    return Aligned(frames, rows, places_of[every[rows]], names, of_frame[rows], who, len(every) - len(rows))


def frame_labels(phones: Stretches, count: int, grid: Grid, seen: dict[str, int], options: Options) -> IntArray:
    """(count,) the number of each frame's phone in `seen`, which grows; 0 for none."""
    found = np.zeros(count, dtype=np.int64)
    times = grid.start_sec + np.arange(count) * grid.shift_sec
    for begin, end, phone in phones.rows():
        name = phone if options.exact else _STRESS.sub(r"\1", phone)
        if name in options.silences:
            continue
        # Times are sorted, and a phone has the frames from its beginning up to its end.
        found[np.searchsorted(times, begin) : np.searchsorted(times, end)] = seen.setdefault(name, len(seen))
    return found


def probe(parts: Mapping[str, Aligned], layer: str, mix: Mix | None, methods: Sequence[str], options: Options) -> Layer:
    """Linear and network probes on one layer, or on the sum of all where there is a mix."""
    names, truth = shared_labels(parts)
    taken = {role: sample(len(parts[role].rows), most, options.seed) for role, most in _limits(options)}
    rows = {role: _gather(parts[role], taken[role], layer, mix) for role in taken}
    mean, deviation = rows["train"].mean(axis=0, dtype=np.float64), rows["train"].std(axis=0, dtype=np.float64)
    rows = {role: scaled(values, mean, deviation) for role, values in rows.items()}
    labels = {role: truth[role][taken[role]] for role in taken}
    known = labels["dev"] >= 0
    dev = (rows["dev"][known], labels["dev"][known])
    found: list[tuple[Chosen, Answers]] = []
    for method in methods:
        if method == "linear":
            found.append(_linear(rows["train"], labels["train"], len(names), dev, options))
        elif method == "mlp":
            fitted = probe_perceptron.fit(
                rows["train"], labels["train"], len(names), dev, seed=options.seed, device=options.device
            )
            right = float((fitted.answers(dev[0]) == dev[1]).mean())
            setting = f"hidden={fitted.network[0].out_features}"
            found.append((Chosen("mlp", setting, False, False, right, 1), fitted.answers))
        else:
            raise AnalysisError(f"there is no probe {method!r} of frames", fix="choose from: " + ", ".join(METHODS))
    test, commonest = parts["test"], int(np.bincount(labels["train"]).argmax())
    answers = [np.concatenate(given) for given in zip(*_answered(test, layer, mix, mean, deviation, found))]
    tested = []
    for (chosen, _), given in zip(found, answers, strict=True):
        units, unit = _units(test)
        scores = figures(given, truth["test"], names, commonest, units, unit, options.seed)
        unseen = np.unique(test.names[test.labels[truth["test"] < 0]])
        tested.append(replace(chosen, test=replace(scores, unseen_labels=tuple(unseen.tolist()))))
    best = max(range(len(tested)), key=lambda n: tested[n].dev)
    said = Said(names[answers[best]], names, None)
    return Layer(layer, tuple(sorted(tested, key=lambda chosen: -chosen.dev)), said=said)


def shared_labels(parts: Mapping[str, Aligned]) -> tuple[StrArray, dict[str, IntArray]]:
    """Train's phones, and for each role the place of each frame's among them; -1 where train does not have it."""
    train = parts["train"]
    names = train.names[np.unique(train.labels)]
    truth = {role: places(names, part.names)[part.labels] for role, part in parts.items()}
    for role in ("dev", "test"):
        if not (truth[role] >= 0).any():
            raise AnalysisError(
                f"phone: {role} has none of the phones of train", fix="give alignments of one phone set"
            )
    return names, truth


def learn_mix(parts: Mapping[str, Aligned], options: Options) -> Mix:
    """Weights of the layers from frames of train."""
    train = parts["train"]
    names, truth = shared_labels(parts)
    width = max(frames.dim for frames in train.frames.values())
    most = min(options.most_frames, most_rows(len(train.frames), width))
    taken = sample(len(train.rows), most, options.seed)
    layers = [_gather(train, taken, name, None) for name in train.frames]
    return learn(layers, truth["train"][taken], len(names))


def sample(count: int, most: int, seed: int) -> IntArray:
    """At most `most` of `count` places, drawn by `seed`, in order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False, shuffle=False))


def _limits(options: Options) -> list[tuple[str, int]]:
    return [("train", options.most_frames), ("dev", min(_DEV_FRAMES, options.most_frames))]


def _units(part: Aligned) -> tuple[StrArray, str]:
    """What intervals draw, for each frame, and its name: speakers where they say more than one utterance each."""
    if len(np.unique(part.speakers)) < len(part.speakers):
        return part.speakers[part.utts], "speakers"
    return np.char.mod("%d", part.utts), "utterances"


def _gather(part: Aligned, taken: IntArray, layer: str, mix: Mix | None) -> FloatArray:
    """(N, D) float32 frames of the rows taken, read block by block."""
    names = list(part.frames) if mix else [layer]
    out = np.empty((len(taken), part.frames[names[0]].dim), dtype=np.float32)
    for first in range(0, len(taken), _BLOCK):
        rows = part.rows[taken[first : first + _BLOCK]]
        blocks = [np.asarray(part.frames[name].frames[rows], dtype=np.float32) for name in names]
        out[first : first + _BLOCK] = mix.of(blocks) if mix else blocks[0]
    if not np.isfinite(out).all():
        raise AnalysisError(f"{part.frames[names[0]].name} holds NaN or infinite values", why="the model diverged")
    return out


def _answered(
    part: Aligned,
    layer: str,
    mix: Mix | None,
    mean: FloatArray,
    deviation: FloatArray,
    probes: Sequence[tuple[Chosen, Answers]],
) -> Iterator[list[IntArray]]:
    """The answers of all probes, one block of test after the other; no more than a block is held."""
    for first in range(0, len(part.rows), _BLOCK):
        taken = np.arange(first, min(first + _BLOCK, len(part.rows)))
        rows = scaled(_gather(part, taken, layer, mix), mean, deviation)
        yield [answers(rows) for _, answers in probes]


def _linear(
    rows: FloatArray, labels: IntArray, num_labels: int, dev: tuple[FloatArray, IntArray], options: Options
) -> tuple[Chosen, Answers]:
    """The linear probe of the strength that is best on dev, and its answers."""
    regression, start, found = Regression(rows, labels, num_labels, options.seed, options.device), None, []
    for strength in STRENGTHS:
        start = regression.fit(strength, start)
        right = float((start.answers(dev[0]) == dev[1]).mean())
        found.append((Chosen("linear", f"C={strength:g}", False, False, right, len(STRENGTHS)), start.answers))
    return max(found, key=lambda pair: pair[0].dev)
