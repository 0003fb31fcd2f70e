"""Probes of every kind of label that is asked for: on each layer of the folders, and on the learned sum of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch

from masr.analysis.probe import frames as of_frames
from masr.analysis.probe import utterances as of_utterances
from masr.analysis.probe.answers import write_answers, write_frame_answers, write_scores
from masr.analysis.probe.data import ProbeTask, few_shots, layers_of, open_task, same_order, vectors_of
from masr.analysis.probe.layer_mix import Mix, learn, most_rows
from masr.analysis.probe.parts import parse_parts, parts_of
from masr.analysis.probe.report import SUM, Found
from masr.errors import AnalysisError, UsageError, near
from masr.io.progress import track
from masr.types import FloatArray

PHONE = "phone"
"""The kind whose labels are those of frames."""
LOGISTIC = "logistic"

Layers = dict[str, dict[str, Path]]
"""role -> layer -> folder, the same layers for all roles."""


@dataclass(frozen=True)
class Options:
    """What is probed by what; each is an option of `masr analyse probe`."""

    train: Path
    dev: Path | None = None
    test: Path | None = None
    kind: Sequence[str] | None = None
    layers: str = "all"
    sum: bool = False
    """Whether the learned sum of the layers is probed as well."""
    probe: Sequence[str] | None = None
    """Which probes; None for all that fit."""
    plain: bool = False
    shots: int | None = None
    part: Sequence[str] | None = None
    seen: Path | None = None
    answers: Path | None = None
    scores: Path | None = None
    select: of_utterances.Select = "accuracy"
    frames: int = of_frames.MOST_FRAMES
    keep_silence: bool = False
    exact_phones: bool = False
    device: str = "auto"
    seed: int = 0

    @property
    def kinds(self) -> list[str]:
        """Each once."""
        return list(dict.fromkeys(self.kind or ["lang"]))

    @property
    def folders(self) -> dict[str, Path]:
        """role -> the folder that was given for it."""
        given = {"train": self.train, "dev": self.dev, "test": self.test}
        return {role: folder for role, folder in given.items() if folder}


def compute(options: Options) -> list[Found]:
    """What the probes find of each kind; what the best one answers is written where that is asked for."""
    _check(options)
    layers = _layers(options.folders, options.layers)
    return [_phones(layers, options) if kind == PHONE else _labels(kind, layers, options) for kind in options.kinds]


def _check(options: Options) -> None:
    """Options that say nothing of what is probed are refused."""
    if options.frames < 1 or options.seed < 0:
        _refuse("--frames and --seed are numbers that cannot be negative, and --frames is at least 1")
    given = {name for name in ("plain", "shots", "part", "seen", "answers", "scores") if getattr(options, name)}
    if options.shots is not None and options.shots < 1:
        _refuse(f"--shots {options.shots} leaves nothing to learn from", "give 1 or more")
    if (of_utts := given - {"answers"}) and PHONE in options.kinds:
        _refuse(f"--{min(of_utts)} is for vectors of utterances, and --kind {PHONE} probes frames", "probe it apart")
    if (alone := given & {"part", "answers", "scores"}) and len(options.kinds) > 1:
        _refuse(f"--{min(alone)} is of one kind of label, and these are {len(options.kinds)}", "give one --kind")
    if options.plain and options.probe and set(options.probe) != {LOGISTIC}:
        _refuse(f"--plain is the probe {LOGISTIC} alone", "leave out --probe, or --plain")
    if options.scores and not options.plain and set(options.probe or ()) != {LOGISTIC}:
        _refuse("--scores are probabilities, which not every probe has", f"add --plain, or --probe {LOGISTIC}")


def _layers(folders: dict[str, Path], wanted: str) -> Layers:
    """The folder of each layer of each role; all roles have the same layers."""
    found = {role: layers_of(folder) for role, folder in folders.items()}
    names = list(found["train"])
    if wanted != "all":
        names = [name.strip() for name in wanted.split(",")]
        missing = [name for name in names if name not in found["train"]]
        if missing:
            raise UsageError(f"{folders['train']} has no layer {missing[0]!r}", fix=near(missing[0], found["train"]))
    for role, layers in found.items():
        missing = [name for name in names if name not in layers]
        if missing:
            raise UsageError(
                f"{folders[role]} has no layer {missing[0] or 'without a number'}, which {folders['train']} has",
                fix="extract all of them with the same options",
            )
        same_order([layers[name] for name in names])
    return {role: {name: layers[name] for name in names} for role, layers in found.items()}


def _labels(kind: str, layers: Layers, options: Options) -> Found:
    """The probes of one kind on every layer, and on their sum."""
    methods, named = _methods(options, of_utterances.METHODS, kind), parse_parts(options.part or [])
    names = list(layers["train"])
    task = open_task(kind, {role: paths[names[0]] for role, paths in layers.items()}, options.seed)
    parts = parts_of(task, named, options.seen)
    settings = of_utterances.Options(methods, options.select, options.seed, options.plain, parts)
    if options.shots:
        task = few_shots(task, options.shots, options.seed)
    roles = {
        role: role if part.folder in layers.get(role, {}).values() else "train" for role, part in task.parts.items()
    }

    def vectors(name: str) -> dict[str, FloatArray]:
        read = {role: vectors_of(layers[role][name]) for role in set(roles.values())}
        _require_one_width({role: rows.shape[1] for role, rows in read.items()})
        return {role: read[source] for role, source in roles.items()}

    found = [of_utterances.probe(task, name, vectors(name), settings) for name in track(names, kind, unit="layer")]
    weights: dict[str, float] = {}
    if options.sum:
        mix, mixed = _mixed(task, [vectors(name) for name in names])
        found.append(of_utterances.probe(task, SUM, mixed, settings))
        weights = dict(zip(names, mix.weights, strict=True))
    done = Found(
        kind,
        "utterances",
        tuple(found),
        {r: len(p.rows) for r, p in task.parts.items()},
        {r: p.num_unlabelled for r, p in task.parts.items()},
        task.notes,
        weights,
    )
    _write_said(task, done, options)
    return done


def _write_said(task: ProbeTask, found: Found, options: Options) -> None:
    """What the best probe says of each utterance of test, where that is asked for."""
    said = found.best.said
    assert said is not None  # a probe of vectors has answered
    if options.answers:
        write_answers(options.answers, task, said)
    if options.scores:
        assert said.logs is not None  # logistic regression has probabilities
        write_scores(options.scores, task, said.names, said.logs)


def _mixed(task: ProbeTask, every: list[dict[str, FloatArray]]) -> tuple[Mix, dict[str, FloatArray]]:
    """The learned sum of the layers, for each role."""
    train = task.parts["train"]
    names = np.unique(train.labels)
    taken = of_frames.sample(len(train.rows), most_rows(len(every), every[0]["train"].shape[1]), 0)
    layers = [vectors["train"][train.rows[taken]] for vectors in every]
    mix = learn(layers, of_utterances.places(names, train.labels[taken]), len(names))
    return mix, {role: mix.of([vectors[role] for vectors in every]) for role in task.parts}


def _phones(layers: Layers, options: Options) -> Found:
    """Probes of frames on every layer, and on their sum."""
    if len(layers) < 3:
        _refuse("--kind phone needs --dev and --test", "give folders of frames of other speakers")
    methods = _methods(options, of_frames.METHODS, PHONE)
    silences = () if options.keep_silence else of_frames.SILENCES
    device = _device(options.device)
    settings = of_frames.Options(silences, options.exact_phones, options.frames, options.seed, device)
    parts = {role: of_frames.open_aligned(paths, settings) for role, paths in layers.items()}
    _require_one_width({role: max(one.dim for one in part.frames.values()) for role, part in parts.items()})
    names = list(layers["train"])
    found = [of_frames.probe(parts, name, None, methods, settings) for name in track(names, PHONE, unit="layer")]
    weights: dict[str, float] = {}
    if options.sum:
        mix = of_frames.learn_mix(parts, settings)
        found.append(of_frames.probe(parts, SUM, mix, methods, settings))
        weights = dict(zip(names, mix.weights, strict=True))
    counts = {role: len(part.rows) for role, part in parts.items()}
    left_out = {role: part.num_left_out for role, part in parts.items()}
    drawn = counts["train"] > options.frames
    notes = (f"{options.frames} of {counts['train']} frames of train drawn",) if drawn else ()
    done = Found(PHONE, "frames", tuple(found), counts, left_out, notes, weights)
    if options.answers:
        assert done.best.said is not None
        write_frame_answers(options.answers, parts["test"], done.best.said)
    return done


def _methods(options: Options, known: tuple[str, ...], kind: str) -> list[str]:
    """Those of the chosen that fit what is probed."""
    chosen = [name for name in known if not options.probe or name in options.probe]
    if not chosen:
        said = ", ".join(options.probe or ())
        _refuse(f"--kind {kind} is not probed by {said}", "choose from: " + ", ".join(known))
    return chosen


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def _require_one_width(widths: dict[str, int]) -> None:
    if len(set(widths.values())) > 1:
        said = ", ".join(f"{role} has {width}" for role, width in sorted(widths.items()))
        raise AnalysisError(f"vectors differ in width: {said}", fix="extract all of them with one model and --pool")


def _refuse(what: str, fix: str = "") -> NoReturn:
    raise UsageError(what, fix=fix)
