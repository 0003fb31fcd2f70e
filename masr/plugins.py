"""Opens one file of a room by the name that a config says. Only cli, interop and `masr.load` import this."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from masr.config import Named, choice, choices, option
from masr.errors import ConfigError, near

_HERE = Path(__file__).parent
_LABEL = "label"
"""The file of masr/metadata/ that serves any utt2X."""
_LABEL_KIND = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class RunConfig:
    """Every section that a run's file may hold; each verb reads the ones it needs."""

    features: Named = choice("features", "log_mel", "what stage 2 makes of a waveform")
    storage: Literal["float32", "float16", "uint8"] = option(
        "float32", "bytes of a stored feature: 4, 2 (Kaldi's 16-bit code, exact to 3e-4) or 1 (Kaldi's compression)"
    )
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
    """The module masr/<room>/<name>.py; nothing else of the room is imported.

    In the room of metadata any other name is a label of its own, compared by identity: `accent` is utt2accent.
    """
    if name not in names(room):
        slip = difflib.get_close_matches(name, names(room), n=1, cutoff=0.8)
        if room != "metadata" or slip or not _LABEL_KIND.fullmatch(name):
            fix = near(name, names(room))
            if room == "metadata":
                fix += f" A label compared by identity is {{name: label, kind: {name}}}"
            raise ConfigError(f"{name!r} is not a file of masr/{room}/", fix=fix)
        name = _LABEL
    return importlib.import_module(f"masr.{room}.{name}")


def resolve(room: str, name: str) -> type:
    """The Config of a plug-in, as `masr.config.load` asks for it."""
    schema: type = open_plugin(room, name).Config
    return schema


def build(room: str, named: Named, *args: Any, **kwargs: Any) -> Any:
    """The thing itself: the plug-in's `build(config, ...)`."""
    return open_plugin(room, named.name).build(config_of(room, named), *args, **kwargs)


def config_of(room: str, named: Named) -> Any:
    """The plug-in's own Config; a label stream that is named by its kind learns the kind here."""
    if room == "metadata" and named.name not in names(room) and not named.config.kind:
        return dataclasses.replace(named.config, kind=named.name)
    return named.config
