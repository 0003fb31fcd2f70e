"""A configuration as YAML text, each field's doc above it, and as plain dicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masr.config.scalars import quote


@dataclass(frozen=True)
class Named:
    """A plug-in picked in a config: the file's name and the values of its own Config."""

    name: str
    config: Any
    common: Any = None
    """The values of the keys that every plug-in of the list takes, where there are such."""


def to_dict(config: Any) -> Any:
    """Plain dicts, lists and scalars: for JSON, for comparing and for hashing."""
    if isinstance(config, Named):
        shared = {} if config.common is None else to_dict(config.common)
        return {"name": config.name, **shared, **to_dict(config.config)}
    if dataclasses.is_dataclass(config):
        return {f.name: to_dict(getattr(config, f.name)) for f in dataclasses.fields(config)}
    if isinstance(config, Mapping):
        return {key: to_dict(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [to_dict(value) for value in config]
    return str(config) if isinstance(config, Path) else config


def by_dotted_key(values: Any, key: str = "") -> dict[str, Any]:
    """Nested dicts and lists as one dict: `{"streams": [{"name": "x"}]}` is `{"streams.0.name": "x"}`."""
    if isinstance(values, Mapping | list | tuple):
        pairs = values.items() if isinstance(values, Mapping) else enumerate(values)
        return {k: v for n, inner in pairs for k, v in by_dotted_key(inner, f"{key}.{n}" if key else str(n)).items()}
    return {key: values}


def dump(config: Any, docs: bool = False, with_paths: bool = True) -> str:
    """YAML that `loads` reads back to an equal config; with `docs`, each field's doc stands above it.

    Without paths it is for people with another machine: what holds one is left out, at whatever depth.
    """
    return "".join(line + "\n" for line in _lines(config, docs, with_paths, ""))


def doc_of(f: dataclasses.Field[Any]) -> str:
    """The sentence that a field was made with."""
    return str(f.metadata.get("doc", ""))


def _lines(config: Any, docs: bool, with_paths: bool, indent: str) -> list[str]:
    lines: list[str] = []
    if isinstance(config, Named):
        lines.append(f"{indent}name: {quote(config.name)}")
        if config.common is not None:
            lines += _lines(config.common, docs, with_paths, indent)
        config = config.config
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if isinstance(value, Path) and not with_paths:
            continue
        if docs:
            lines += [f"{indent}# {line}" for line in doc_of(f).splitlines()]
        lines += _entry(f.name, value, docs, with_paths, indent)
    return lines


def _entry(name: str, value: Any, docs: bool, with_paths: bool, indent: str) -> list[str]:
    if _is_section(value):
        inner = _lines(value, docs, with_paths, indent + "  ")
        return [f"{indent}{name}:", *inner] if inner else [f"{indent}{name}: {{}}"]
    if isinstance(value, tuple) and value and all(_is_section(v) for v in value):
        return [f"{indent}{name}:", *(line for v in value for line in _bullet(v, docs, with_paths, indent))]
    return [f"{indent}{name}: {_inline(value)}"]


def _bullet(value: Any, docs: bool, with_paths: bool, indent: str) -> list[str]:
    """The lines of a section in a list. A bullet starts with a key: a comment that would stand first goes after it."""
    block = _lines(value, docs, with_paths, indent + "    ")
    if not block:
        return [f"{indent}  - {{}}"]
    first = next(i for i, line in enumerate(block) if not line.lstrip().startswith("#"))
    return [f"{indent}  - {block[first].lstrip()}", *block[:first], *block[first + 1 :]]


def _is_section(value: Any) -> bool:
    return isinstance(value, Named) or dataclasses.is_dataclass(value)


def _inline(value: Any) -> str:
    if _is_section(value):
        value = to_dict(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quote(k)}: {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_inline(v) for v in value) + "]"
    return quote(str(value) if isinstance(value, Path) else value)
