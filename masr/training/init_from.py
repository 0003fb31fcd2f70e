"""What a run takes over from the one it begins from: encoder, features, normalisation, weights and statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import yaml
from torch import nn

from masr.config import keys, load, text_of
from masr.config.bases import read
from masr.config.nodes import compose
from masr.data.stored_features import Resolve
from masr.errors import CheckpointError, ConfigError
from masr.files import can_be_named
from masr.io.layout import RESOLVED_CONFIG
from masr.io.trained import open_trained
from masr.models.weights import fill_encoder
from masr.training.config import TrainConfig

OTHERS_KEYS = frozenset({"features", "streams"})
"""Keys that configurations of other stages have as well."""

_WHOLE = ("features", "encoder")
_OF_DATA = ("source", "normalise")
"""Keys of `data` that are taken over: an encoder learnt with them, and understands no other input."""


def read_run(path: Path, overrides: Sequence[str], resolve: Resolve) -> TrainConfig:
    """A run's configuration: its file with overrides on top, laid over encoder and input of the run `init` if any."""
    init = text_of(path, "init", overrides)
    if init is None or not can_be_named(init):  # the latter is refused with its line
        return load(TrainConfig, path, overrides, resolve)
    file = open_trained(init).run / RESOLVED_CONFIG
    if not file.is_file():
        raise CheckpointError(f"init: {init} is not the folder of a run: it has no {RESOLVED_CONFIG}")
    config = load(TrainConfig, path, overrides, resolve, _inherited(file))
    theirs = load(TrainConfig, file, (), resolve).encoder.name
    if config.encoder.name != theirs:
        raise ConfigError(
            f"encoder.name is {config.encoder.name}, and init ({init}) has a {theirs}",
            fix="leave `encoder` out, or give only what may differ, such as encoder.dropout",
        )
    return config


def refuse_unmeant(path: Path, overrides: Sequence[str], config: TrainConfig) -> None:
    """ConfigError where a file is the configuration of something else, or fine-tunes from nothing unasked."""
    if not keys(path) & {field.name for field in fields(TrainConfig)} - OTHERS_KEYS:
        raise ConfigError(
            f"{path}: says nothing of a training: no encoder, no objective, no data",
            why=f"it is empty, or the configuration of another stage, of which {', '.join(sorted(OTHERS_KEYS))} speak",
            fix="name the file of a training, such as conf/pretrain/best_rq_tiny.yaml",
        )
    own = config.objective.config
    learns = bool(
        getattr(own, "learned", None) or getattr(own, "transcribes", False) or getattr(own, "learns_frames", False)
    )
    if learns and "init" not in keys(path, overrides) and not hasattr(config.encoder.config, "checkpoint"):
        raise ConfigError(
            f"{path}: objective.name is {config.objective.name}, which fine-tunes, and init does not say from what",
            why="without it the encoder begins with random weights",
            fix="--set init=RUN begins from that run; --set init=null, or init: null in the file, from nothing",
        )


def _inherited(file: Path) -> yaml.Node | None:
    """The sections of a resolved configuration that are taken over."""
    root = compose(read(file), str(file))
    if not isinstance(root, yaml.MappingNode):
        return root
    pairs = [pair for pair in root.value if pair[0].value in _WHOLE]
    for key, section in root.value:
        if key.value == "data" and isinstance(section, yaml.MappingNode):
            kept = [pair for pair in section.value if pair[0].value in _OF_DATA]
            pairs.append((key, yaml.MappingNode(section.tag, kept, section.start_mark, section.end_mark)))
    return yaml.MappingNode(root.tag, pairs, root.start_mark, root.end_mark)


def begin_from(init: Path, encoder: nn.Module) -> None:
    """Fills the encoder from a run, or from a checkpoint of it."""
    fill_encoder(encoder, open_trained(init).weights)
