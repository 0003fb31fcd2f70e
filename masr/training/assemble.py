"""A run put together from its configuration (data, streams of metadata, encoder, objective), and carried out.

Plug-ins, units of text and scorers are opened by what the command line passes in: training itself knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from masr.config import Named
from masr.data.dataset import global_stats
from masr.data.stored_features import Resolve, features_of
from masr.errors import ConfigError
from masr.features.stored_stats import read_stats, write_stats
from masr.io.datadir import DataDir
from masr.io.layout import CODES, ENCODER
from masr.io.provenance import write_provenance
from masr.jobs.signals import Stop
from masr.masking.confidence import Measure
from masr.metadata.codebook import Codebook
from masr.models.published_heads import PublishedHeads, adopt
from masr.objectives.masr import wrap as with_streams
from masr.objectives.own_scorer import with_own_scorer
from masr.training.batches import Reading, named_streams, read_labels
from masr.training.config import TrainConfig
from masr.training.distributed import World, join_world, together
from masr.training.encoded_frames import EncodedFrames, Scorer
from masr.training.find_batch import find_batch
from masr.training.init_from import begin_from, read_run, refuse_unmeant
from masr.training.label_classes import with_classes
from masr.training.left_out import left_out
from masr.training.loop import train
from masr.training.reads import reads_of
from masr.training.retention import ended_at, folders
from masr.training.run import Run, begin
from masr.training.transcripts import read_speech, reads_text, with_outputs
from masr.types import Encoder, Stream, Units


@dataclass(frozen=True)
class Rooms:
    """How what lies in other rooms is opened."""

    resolve: Resolve
    """(room, name) -> the Config of a plug-in, as masr.plugins.resolve."""
    build: Callable[..., Any]
    """(room, named, ...) -> the plug-in's thing, as masr.plugins.build."""
    read_units: Callable[[Path], Units]
    """The folder that stage 3 wrote -> its units of text."""
    open_scorer: Callable[[Path, str, Measure, bool], Scorer]
    """Folder of a CTC model, device, what counts as its confidence, whether without the blank -> the scorer."""

    def units(self, config: TrainConfig) -> Units | None:
        """The units that the objective, or a scorer beside it, learns to write; None where neither writes."""
        return self.read_units(config.codes) if reads_text(config) else None

    def scorer(self, config: TrainConfig, world: World) -> Scorer | None:
        """What says in every step how sure it is of each frame; None where the configuration names no such model."""
        if config.scorer is None:
            return None
        measure = config.scorer_measure or "max"
        return self.open_scorer(config.scorer, str(world.device), measure, config.scorer_exclude_blank)


def carry_out(config: TrainConfig, folder: Path, rooms: Rooms, stop: Stop | None = None) -> int:
    """Trains to the last step, or until it is told to stop, and describes the run in its folder; the exit code."""
    with join_world(config.device) as world:
        run = assemble(config, folder, world, rooms)
        is_fresh, ended_before = not folders(run), ended_at(run)
        if world.is_first and is_fresh:
            describe(run)
        code = train(run, stop)
        # Only now is it known that the folder holds the same run.
        # One that had ended before keeps what it says of itself.
        if world.is_first and not is_fresh and (ended_before is None or ended_at(run) != ended_before):
            describe(run)
    return code


def find_batch_of(config: TrainConfig, folder: Path, rooms: Rooms) -> str:
    """How large a micro-batch of this run fits its device; nothing is trained or written."""
    with join_world(config.device) as world:
        if world.size > 1:
            raise ConfigError(
                f"--find-batch tries one device, and {world.size} processes were started",
                why="a try that does not fit on one of them would leave the others waiting in the middle of a step",
                fix="start it once, without a launcher, on a device like those of the run",
            )
        run = assemble(config, folder, world, rooms)
        assert run.data.largest is not None
        return find_batch(run, run.data.largest()).render()


def read_config(path: Path, changes: Sequence[str], rooms: Rooms) -> TrainConfig:
    """A file with `key=value` changes, and what the training data, their labels and the units say of the model."""
    run = read_run(path, changes, rooms.resolve)
    refuse_unmeant(path, changes, run)
    config = with_classes(with_features(run, rooms.resolve))
    return with_outputs(config, rooms.units(config))


def assemble(config: TrainConfig, folder: Path, world: World, rooms: Rooms) -> Run:
    """The run of a resolved configuration; the weights are a function of its seed."""
    reads = reads_of(config) if world.is_first else {}
    units, scorer = rooms.units(config), rooms.scorer(config, world)
    data = DataDir.open(config.train)
    dev = None if config.dev is None else DataDir.open(config.dev)
    features = rooms.build("features", config.features) if config.features else None
    streams = {name: build_stream(config, name, named, rooms) for name, named in named_streams(config)}
    labels = read_labels(config, data, dev, streams)

    torch.manual_seed(config.seed)
    encoder = rooms.build("models", config.encoder)
    frames = EncodedFrames(config, encoder, features)
    frames.check(data, scorer)
    if config.init is not None:
        begin_from(config.init, encoder)
    objective = build_objective(config, encoder, streams, rooms, units).to(world.device)

    speech = read_speech(frames, data, dev, units)
    speech.give(objective)
    reading = Reading(frames, world, data, dev, labels, speech, scorer)
    run = begin(config, folder, world, objective, replace(reading.data(), reads=reads), config)
    speech.show(run.meters.say)
    with together(world):
        if world.is_first:
            for line in left_out(config, data, labels[0], reading.lengths):
                run.meters.say(line)
            for line in left_out(config, dev, labels[1], frames.lengths(dev)) if dev else ():
                run.meters.say(line)
    return run


def with_features(config: TrainConfig, resolve: Resolve) -> TrainConfig:
    """The configuration with its features named: those of the archives where it reads archives."""
    if config.data.source == "samples":
        if config.features is not None:
            raise ConfigError(
                "data.source is samples, and features are named",
                fix="leave `features` out, or set data.source to waveform for an encoder of features",
            )
        return config
    made = features_of(DataDir.open(config.train), resolve)
    if config.data.source == "archives" and None not in (config.features, made) and config.features != made:
        raise ConfigError(
            f"the archives of {config.train} hold other features than the configuration names",
            why="they were made by stage 2 with another configuration",
            fix="leave `features` out, run stage 2 again, or set data.source to waveform",
        )
    return replace(config, features=config.features or made)


def build_stream(config: TrainConfig, name: str, named: Named, rooms: Rooms) -> Stream:
    """The stream over the codes that stage 3 made."""
    codebook, seed = Codebook.load(config.codes / CODES / f"{name}.npz"), named.common.permute_codes
    stream: Stream = rooms.build("metadata", named, codebook if seed is None else codebook.dealt_out(seed))
    return stream


def build_objective(
    config: TrainConfig, encoder: Encoder, streams: Mapping[str, Stream], rooms: Rooms, units: Units | None = None
) -> nn.Module:
    """The objective around the encoder, its own scorer around that, and the streams around all."""
    try:
        objective: nn.Module = rooms.build(
            "objectives", config.objective, encoder, rooms.build("masking", config.masking)
        )
    except ValueError as error:
        raise ConfigError(f"objective {config.objective.name} does not fit the encoder: {error}") from None
    heads: PublishedHeads | None = getattr(encoder, "heads", None)
    if heads is not None:
        adopt(objective, heads, getattr(encoder, "quantised_dim", None) is not None)
        encoder.heads = None  # type: ignore[attr-defined]  # what is adopted is held once
    if config.own_scorer is not None:
        try:
            objective = with_own_scorer(objective, config.own_scorer, units.size if units else 0)
        except ValueError as error:
            raise ConfigError(f"own_scorer does not fit the objective {config.objective.name}: {error}") from None
    if not streams:
        return objective
    return with_streams(objective, {name: (streams[name], named.common) for name, named in named_streams(config)})


def describe(run: Run) -> None:
    """What a reader of the folder needs beside the weights: configuration, provenance, statistics, units, encoder."""
    save_stats(run.config, run.folder)
    run.data.speech.save(run.config.codes, run.folder)
    encoder: Any = run.objective.encoder
    if hasattr(encoder, "describe"):
        encoder.describe(run.folder / ENCODER)
    sizes = [parameter.numel() for parameter in encoder.parameters()]
    reads = {name: asdict(read) for name, read in run.data.reads.items()}
    write_provenance(run.folder, run.config, num_encoder_parameters=sum(sizes), reads=reads)


def save_stats(config: TrainConfig, folder: Path) -> None:
    """DIR/stats.safetensors: the statistics that input is normalised by, so that the folder is enough to use it."""
    if config.data.normalise != "global" or config.data.source == "samples":
        return
    if config.init is not None:
        write_stats(folder, read_stats(config.init))
    else:
        write_stats(folder, global_stats(DataDir.open(config.train)))
