"""Every checkpoint of runs, with all that is asked of it: its loss, bounds on mutual information, a probe's accuracy.

It needs models and analyses together, which do not know each other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from masr.analysis.checkpoints import ACCURACY, LABELS, LOSS, VIEW, Checkpoint, validated
from masr.analysis.frame_labels import kinds_or_phones
from masr.analysis.information.grid import GridSettings, GridTask, run_task
from masr.analysis.information.pairs import Limits, PairSource
from masr.analysis.probe import frames as probe_frames
from masr.api import load, masked_pass
from masr.api.bounds import groups_of, open_mask
from masr.api.extract import frames_of
from masr.errors import CheckpointError
from masr.inference.frame_sources import ArchiveFrames
from masr.inference.load import Model
from masr.io.datadir import DataDir
from masr.io.frames import open_frames
from masr.io.layout import MASK
from masr.io.progress import track
from masr.io.trained import steps_of
from masr.maths.estimate import Estimate

ROLES = ("train", "dev", "test")


@dataclass(frozen=True)
class Options:
    """What is asked of each checkpoint; each is an option of `masr analyse checkpoints`."""

    metric: str = LOSS
    """Which figure of the validation."""
    data: Path | None = None
    """Speech for the bounds."""
    labels: str = "phones"
    clusters: int = 50
    future: int = 5
    mask_share: float | None = None
    mask_span: int | None = None
    probe: Sequence[Path] | None = None
    """Data directories for train, dev and test."""
    layer: int | None = None
    frames: int = 200_000
    """To learn from at most."""
    seed: int = 0
    held_out_by: str | None = None
    """What the bounds hold out whole: `utterance`, or a kind; None as in `masr.api.bounds.groups_of`."""
    testable_only: bool = False
    """Phones or labels that cannot be on both sides are left out."""


def look(options: Options, folder: Path, name: str) -> Iterator[Checkpoint]:
    """Every checkpoint that a run kept, with all figures that are asked for."""
    steps, losses = steps_of(folder), validated(folder, options.metric)
    if not steps:
        raise CheckpointError(f"{folder} has no checkpoints", fix="train with training.keep_every=STEPS")
    for step in track(steps, name, unit="checkpoint"):
        figures = {LOSS: Estimate(losses[step])} if step in losses else {}
        if options.data or options.probe:
            with tempfile.TemporaryDirectory(prefix="masr.") as place:
                figures |= _figures(options, f"{folder}@{step}", Path(place))
        yield Checkpoint(name, step, figures)


def _figures(options: Options, name: str, place: Path) -> dict[str, Estimate]:
    """The figures of one checkpoint, whose frames lie in `place` meanwhile."""
    model = load(name)
    limits = Limits(
        options.frames, max(10, options.frames // 2), seed=options.seed, testable_only=options.testable_only
    )
    found = {}
    for figure, task in _tasks(options, options.data, name, model, place) if options.data else ():
        (row,) = run_task(task, GridSettings(("logistic",), (options.clusters,), limits=limits))
        found[figure] = row.bounds[0].bound
    if options.probe:
        found[ACCURACY] = _accuracy(options, options.probe, name, model, place)
    return found


def _tasks(options: Options, data: Path, name: str, model: Model, place: Path) -> Iterator[tuple[str, GridTask]]:
    """What is bounded, by the name of its figure."""
    clear = frames_of(name, model, data, place / "clear", options.layer)
    if options.labels != "none":
        frames = open_frames(clear)
        labels = kinds_or_phones(DataDir.open(data), options.labels, frames)
        groups = groups_of(options.held_out_by, options.labels, frames, labels, [data])
        yield LABELS, GridTask(name, PairSource(frames, labels, None, labels.names, groups=groups), len(labels.names))
    masked = masked_pass(Path(name), model, options.mask_share, options.mask_span)
    if masked.vector is None and masked.hide is None:  # it never saw hidden speech
        frames = open_frames(clear)
        groups = groups_of(options.held_out_by, None, frames, frames, [data])
        yield VIEW, GridTask(name, PairSource(frames, ArchiveFrames(data), future=options.future, groups=groups), None)
        return
    hidden = frames_of(name, model, data, place / "hidden", options.layer, masked)
    frames = open_frames(hidden)
    groups = groups_of(options.held_out_by, None, frames, frames, [data])
    source = PairSource(frames, open_frames(clear), open_mask(hidden / MASK), groups=groups)
    yield VIEW, GridTask(name, source, None)


def _accuracy(options: Options, folders: Sequence[Path], name: str, model: Model, place: Path) -> Estimate:
    """The accuracy of a linear probe of phones, on the speech to test on."""
    settings = probe_frames.Options(most_frames=options.frames, seed=options.seed)
    made = {role: frames_of(name, model, data, place / role, options.layer) for role, data in zip(ROLES, folders)}
    parts = {role: probe_frames.open_aligned({"": folder}, settings) for role, folder in made.items()}
    test = probe_frames.probe(parts, "", None, ["linear"], settings).best.test
    assert test is not None
    return test.accuracy
