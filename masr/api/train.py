"""`masr train` as a function: a configuration becomes a run in a folder, or the run there goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from masr.api import frame_scorer, read_units
from masr.inference.frame_scorer import FrameScorer
from masr.io.layout import ENCODER, ENDED
from masr.io.provenance import write_provenance
from masr.plugins import build, resolve
from masr.training.assemble import Started, save_stats, start, with_features
from masr.training.config import TrainConfig
from masr.training.distributed import World, join_world
from masr.training.init_from import read_run
from masr.training.label_classes import with_classes
from masr.training.loop import train as run_loop
from masr.training.transcripts import transcribes, with_outputs
from masr.types import Units


def train(conf: Path, folder: Path, changes: Sequence[str] = ()) -> int:
    """Trains to the last step, or until it is told to stop; the exit code."""
    config = read_config(conf, changes)
    with join_world(config.device) as world:
        started = start(config, folder, world, build, units=units_for(config), scorer=scorer_of(config, world))
        fresh = not any((folder / "checkpoints").glob("step_*"))
        if world.is_first and fresh:
            keep(config, folder, started)
        before = ended_at(folder)
        code = run_loop(started.run, started.batches, started.validation, started.largest)
        # Only now is it known that the folder holds the same run.
        # One that had ended before keeps what it says of itself.
        if world.is_first and not fresh and (before is None or ended_at(folder) != before):
            keep(config, folder, started)
    return code


def ended_at(folder: Path) -> int | None:
    """When the run last came to its end; None where it has not."""
    try:
        return (folder / ENDED).stat().st_mtime_ns
    except OSError:
        return None


def read_config(conf: Path, changes: Sequence[str]) -> TrainConfig:
    """The file with what is changed, and the features that the training data turned out to have."""
    config = with_classes(with_features(read_run(conf, list(changes), resolve), resolve))
    return with_outputs(config, units_for(config))


def scorer_of(config: TrainConfig, world: World) -> FrameScorer | None:
    """The model that says in every step how sure it is of each frame, where the configuration names one."""
    if config.scorer is None:
        return None
    return frame_scorer(config.scorer, str(world.device), config.scorer_measure or "max", config.scorer_exclude_blank)


def units_for(config: TrainConfig) -> Units | None:
    """The units of stage 3, where the objective learns to write them."""
    return read_units(config.codes) if transcribes(config) else None


def keep(config: TrainConfig, folder: Path, started: Started) -> None:
    """What a reader of DIR needs beside the weights."""
    save_stats(config, folder)
    started.speech.save(config.codes, folder)
    describe = getattr(started.run.objective.encoder, "describe", None)
    if describe is not None:
        describe(folder / ENCODER)
    sizes = [parameter.numel() for parameter in started.run.objective.encoder.parameters()]  # type: ignore[union-attr]
    write_provenance(folder, config, num_encoder_parameters=sum(sizes))
