"""Everything a run holds, built from its configuration: data, streams, model, optimiser.

Plug-ins are opened by the function that the command line passes in: training itself knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from masr.config import Named, to_dict
from masr.data.collate import Steps
from masr.data.dataset import global_stats
from masr.data.stored_features import Resolve, features_of
from masr.errors import ConfigError
from masr.io.atomic import atomic_path
from masr.io.datadir import DataDir
from masr.io.layout import CODES, STATS
from masr.metadata.codebook import Codebook
from masr.objectives.masr import wrap as with_streams
from masr.training.batches import Reading, digest, named_streams, prepare, read_labels
from masr.training.config import TrainConfig
from masr.training.distributed import World
from masr.training.encoded_frames import read_targets, told
from masr.training.init_from import begin_from, copy_stats
from masr.training.inputs import check_width, sample_rate_of, seconds_per_frame
from masr.training.run import Batches as Reader
from masr.training.run import Run
from masr.training.run import start as begin
from masr.training.scored import Scorer, check_scorer, told_of
from masr.training.transcripts import Speech, read_speech
from masr.types import Batch, Encoder, Features, Stream, Units

Build = Callable[..., Any]
"""(room, named, ...) -> the plug-in's thing, as masr.plugins.build."""


@dataclass(frozen=True)
class Started:
    """A run and what it reads."""

    run: Run
    batches: Reader
    validation: Reader
    largest: Callable[[], tuple[Batch, ...]]
    """The micro-batches of the step that costs most memory, for the preflight."""
    speech: Speech


def start(
    config: TrainConfig,
    folder: Path,
    world: World,
    build: Build,
    quiet: bool = False,
    units: Units | None = None,
    scorer: Scorer | None = None,
) -> Started:
    """The run of a resolved configuration; the weights are a function of its seed."""
    data = DataDir.open(config.train)
    dev = None if config.dev is None else DataDir.open(config.dev)
    features = build("features", config.features) if config.features else None
    streams = {name: build_stream(config, name, named, build) for name, named in named_streams(config)}
    labels, dev_labels = read_labels(config, data, dev, streams)
    torch.manual_seed(config.seed)
    encoder = build_encoder(config, data, features, scorer, build)
    objective = build_objective(config, encoder, streams, build).to(world.device)
    rate = sample_rate_of(encoder)
    speech = read_speech(config, data, dev, units, encoder, rate)
    speech.give(objective)
    preparation = prepare(config, features, world, rate)
    preparation.scorer = scorer
    reading = Reading(config, world, encoder, rate, speech, preparation, read_targets(config, encoder))
    steps = reading.training(data, labels)
    settings, shift_sec = settings_of(config, steps, speech, scorer), seconds_per_frame(config, rate)
    run = begin(config.training, config.optim, objective, folder, world, settings, config.seed, shift_sec, quiet)
    speech.report(run.meters.say)
    validation = reading.validation(dev, dev_labels)
    return Started(run, reading.from_step(steps), validation, reading.largest_of(steps), speech)


def settings_of(config: TrainConfig, steps: Steps, speech: Speech, scorer: Scorer | None) -> dict[str, Any]:
    """What a run that is gone on with must find unchanged: its configuration, and what it learns from."""
    return {
        **to_dict(config),
        "training_data": digest(steps.batches, steps.labels),
        **speech.settings(),
        **told(steps.confidences),
        **told_of(scorer),
    }


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


def save_stats(config: TrainConfig, folder: Path) -> None:
    """DIR/stats.safetensors: the statistics that input is normalised by, so that the folder is enough to use it."""
    if config.data.normalise != "global" or config.data.source == "samples":
        return
    if config.init is not None:
        copy_stats(config.init, folder)
        return
    from safetensors.torch import save_file

    with atomic_path(folder / STATS) as temporary:
        save_file({"cmvn": torch.from_numpy(global_stats(DataDir.open(config.train)))}, temporary)


def build_stream(config: TrainConfig, name: str, named: Named, build: Build) -> Stream:
    """The stream over the codes that stage 3 made."""
    codebook, seed = Codebook.load(config.codes / CODES / f"{name}.npz"), named.common.permute_codes
    stream: Stream = build("metadata", named, codebook if seed is None else codebook.dealt_out(seed))
    return stream


def build_encoder(
    config: TrainConfig, data: DataDir, features: Features | None, scorer: Scorer | None, build: Build
) -> Encoder:
    """The encoder, found to fit its input and the scorer, with the weights that it begins from."""
    module = build("models", config.encoder)
    encoder: Encoder = module
    check_width(encoder, features, data, config)
    check_scorer(config, scorer, encoder, features)
    if config.init is not None:
        begin_from(config.init, module)
    return encoder


def build_objective(config: TrainConfig, encoder: Encoder, streams: Mapping[str, Stream], build: Build) -> nn.Module:
    """The objective around the encoder, and the streams around that."""
    try:
        objective: nn.Module = build("objectives", config.objective, encoder, build("masking", config.masking))
    except ValueError as error:
        raise ConfigError(f"objective {config.objective.name} does not fit the encoder: {error}") from None
    if not streams:
        return objective
    return with_streams(objective, {name: (streams[name], named.common) for name, named in named_streams(config)})
