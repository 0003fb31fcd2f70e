"""Which schema the configuration of a verb has, and all that a configuration comes to by it."""

from __future__ import annotations

from typing import Any

import yaml

from masr.config import to_dict
from masr.config.schema import from_tree
from masr.errors import ConfigError
from masr.plugins import RunConfig, resolve


def schema_of(verb: str) -> type:
    """The schema of the configuration that `masr VERB` reads; ConfigError for a verb that reads none."""
    if verb in ("features", "units"):
        return RunConfig
    if verb in ("train", "cluster", "confidence"):
        from masr.training.config import TrainConfig

        return TrainConfig
    if verb == "decode":
        from masr.inference.decode_config import DecodingConfig

        return DecodingConfig
    raise ConfigError(f"masr {verb} reads no configuration", fix="leave `config:` and {config} out of its step")


def resolved_settings(verb: str, tree: yaml.Node | None, file: str) -> Any:
    """The whole configuration that `masr VERB` reads from a tree, defaults filled in, as plain values."""
    return to_dict(from_tree(schema_of(verb), tree, file, resolve))
