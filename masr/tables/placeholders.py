"""Placeholders: variables become text at once, folders stay symbols until a task runs.

A symbol is a name between two characters of Unicode's private use. It goes unharmed through YAML and into a hash, so
that what identifies a task does not depend on where its folders lie.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from masr.errors import ConfigError, near

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_OPEN, _CLOSE = "\ue000", "\ue001"
_SYMBOL = re.compile(f"{_OPEN}([a-z0-9_.]+){_CLOSE}")
_GATHERED = re.compile(r"\{([a-z][a-z0-9_]*)\.([A-Za-z0-9_+-]+)\}")
_PATH = re.compile(rf"""{_OPEN}(data|exp|conf){_CLOSE}[^\s,"'\]\}}]*""")


def symbol(name: str) -> str:
    """The text that stands for a folder until its place is known."""
    return f"{_OPEN}{name}{_CLOSE}"


def fill(text: str, variables: Mapping[str, str], symbols: Collection[str], place: str) -> str:
    """`text` with variables written out and folders as symbols; an unknown placeholder is an error of `place`."""

    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name in symbols:
            return symbol(name)
        if name in variables:
            return fill(variables[name], {}, symbols, f"{place}: {{{name}}}")
        raise ConfigError(f"{place}: nothing is called {{{name}}} here", fix=near(name, [*variables, *symbols]))

    return _PLACEHOLDER.sub(one, text)


def names_in(text: str) -> set[str]:
    """The names that a text asks for."""
    return set(_PLACEHOLDER.findall(text))


def gathered(text: str) -> tuple[str, str] | None:
    """The step and the group, or `seeds`, of the first {step.group}."""
    match = _GATHERED.search(text)
    return (match[1], match[2]) if match else None


def put_gathered(text: str, name: str) -> str:
    """`text` with a symbol in place of its {step.group}."""
    return _GATHERED.sub(symbol(name), text, count=1)


def symbols_in(value: Any) -> set[str]:
    """The names of the folders that words, or a whole configuration, speak of."""
    return {name for text in texts(value) for name in _SYMBOL.findall(text)}


def paths_in(value: Any) -> set[str]:
    """Every path below {data}, {exp} or {conf} that words or a configuration speak of, as symbols."""
    return {match[0] for text in texts(value) for match in _PATH.finditer(text)}


def place_folders(value: Any, folders: Mapping[str, str]) -> Any:
    """Words or a configuration with each symbol replaced by its folder."""
    if isinstance(value, str):
        return _SYMBOL.sub(lambda match: folders[match[1]], value)
    if isinstance(value, dict):
        return {key: place_folders(inner, folders) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [place_folders(inner, folders) for inner in value]
    return value


def readable(text: str) -> str:
    """The text with symbols as people wrote them: {data}/train."""
    return _SYMBOL.sub(r"{\1}", text)


def texts(value: Any) -> Iterator[str]:
    """Every string inside words or a configuration."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
