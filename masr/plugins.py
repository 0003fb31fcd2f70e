"""Opens one file of a room by the name that a config says. Only the command line imports this."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from masr.config import Named, choice, choices
from masr.errors import ConfigError, near

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class RunConfig:
    """Every section that a run's file may hold; each verb reads the ones it needs."""

    features: Named = choice("features", "log_mel", "what stage 2 makes of a waveform")
    units: Named = choice("units", "sentencepiece", "what stage 3 makes of text")
    streams: tuple[Named, ...] = choices("metadata", "metadata that enters the loss beside the objective")


@cache
def names(room: str) -> tuple[str, ...]:
    """The plug-in files of a room: those that define both `Config` and `build`."""
    found = []
    for path in sorted((_HERE / room).glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "\nclass Config" in source and "\ndef build(" in source:
            found.append(path.stem)
    return tuple(found)


def open_plugin(room: str, name: str) -> ModuleType:
    """The module masr/<room>/<name>.py; nothing else of the room is imported."""
    if name not in names(room):
        raise ConfigError(f"{name!r} is not a file of masr/{room}/", fix=near(name, names(room)))
    return importlib.import_module(f"masr.{room}.{name}")


def resolve(room: str, name: str) -> type:
    """The Config of a plug-in, as `masr.config.load` asks for it."""
    schema: type = open_plugin(room, name).Config
    return schema


def build(room: str, named: Named, *args: Any, **kwargs: Any) -> Any:
    """The thing itself: the plug-in's `build(config, ...)`."""
    return open_plugin(room, named.name).build(named.config, *args, **kwargs)
