"""A configuration file with its bases and overrides as plain values: what is hashed, and what a task is given.

No schema is asked, because most of them need torch: keys are not checked, and defaults are not filled in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from masr.config.bases import read, with_bases
from masr.config.nodes import compose, override, place_error
from masr.config.scalars import quote, scalar_value
from masr.errors import ConfigError


class SettingsReader:
    """Reads each file once, and applies each chain of overrides once."""

    def __init__(self) -> None:
        self._trees: dict[tuple[Path, tuple[str, ...]], yaml.Node | None] = {}
        self._plain: dict[tuple[Path, tuple[str, ...]], Any] = {}

    def settings(self, path: Path, overrides: tuple[str, ...] = ()) -> Any:
        """The file laid over its bases, with the overrides on top, as dicts, lists and scalars."""
        key = (path, overrides)
        if key not in self._plain:
            tree = self.tree(path, overrides)
            self._plain[key] = {} if tree is None else plain(tree, "")
        return self._plain[key]

    def tree(self, path: Path, overrides: tuple[str, ...] = ()) -> yaml.Node | None:
        """The same as nodes, which know their file and line; None for an empty file. Callers may not change it."""
        key = (path, overrides)
        if key not in self._trees:
            if overrides:
                self._trees[key] = override(self.tree(path, overrides[:-1]), overrides[-1])
            else:
                self._trees[key] = with_bases(compose(read(path), str(path)), str(path))
        return self._trees[key]


def plain(node: yaml.Node, key: str) -> Any:
    """A tree as dicts, lists and scalars."""
    if isinstance(node, yaml.MappingNode):
        return {
            str(name.value): plain(value, f"{key}.{name.value}" if key else name.value) for name, value in node.value
        }
    if isinstance(node, yaml.SequenceNode):
        return [plain(value, f"{key}.{place}") for place, value in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    try:
        return scalar_value(node)
    except (ValueError, OverflowError) as error:
        raise place_error(node, key, str(error)) from None


def as_yaml(settings: Any) -> str:
    """YAML that reads back to the same values."""
    if not isinstance(settings, dict):
        raise ConfigError("a configuration file is a section of 'key: value' lines")
    return "".join(f"{quote(key)}: {_inline(value)}\n" for key, value in settings.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quote(key)}: {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(inner) for inner in value) + "]"
    return quote(value)
