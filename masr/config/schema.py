"""YAML 1.2 into frozen dataclasses, and back with every default's doc beside it.

A schema is a frozen dataclass whose fields are made by `option` (a value), or `choice` (a plug-in file of a
room, picked by its `name` key). A file holds only what differs from the defaults, or from another file that it
names as its `base`. An unknown or ill-typed key is an error that names file, line, key and the near ones.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import yaml

from masr.config.bases import laid_over, read, with_bases
from masr.config.dump import Named, doc_of
from masr.config.nodes import compose, hint_for, is_null, kind_of, mark, override, place_error
from masr.config.scalars import scalar_value
from masr.errors import CheckpointError, ConfigError, near
from masr.files import can_be_named
from masr.hub_cache import PREFIX, cached

T = TypeVar("T")
Resolve = Callable[[str, str], type]
"""(room, name) -> the Config of the plug-in file masr/<room>/<name>.py."""

LARGEST_SEED = 2**32 - 1
"""Beyond it some generators refuse a seed, and others take it for a smaller one; none takes one below 0."""


def option(default: Any, doc: str) -> Any:
    """A field with a default and the sentence that `masr config` prints beside it."""
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata={"doc": doc})
    return dataclasses.field(default=default, metadata={"doc": doc})


def seed_option(doc: str) -> Any:
    """A field for a seed, 0 where nothing is given: a whole number that every generator takes, and takes as it is."""
    return dataclasses.field(default=0, metadata={"doc": doc, "most": LARGEST_SEED})


def required(doc: str) -> Any:
    """A field that every file must give."""
    return dataclasses.field(metadata={"doc": doc}, kw_only=True)


def choice(room: str, default: str | None, doc: str) -> Any:
    """A field that opens one file of `room`; `default` None means that the section may be left out."""
    return dataclasses.field(default=None, metadata={"doc": doc, "room": room, "default": default})


def choices(room: str, doc: str, common: type | None = None) -> Any:
    """A field that holds a list of plug-ins of `room`, empty by default.

    The keys of the dataclass `common` may stand in each entry beside the plug-in's own.
    """
    return dataclasses.field(default=(), metadata={"doc": doc, "room": room, "default": None, "common": common})


def load(
    schema: type[T],
    path: Path | None,
    overrides: Sequence[str] = (),
    resolve: Resolve | None = None,
    under: yaml.Node | None = None,
) -> T:
    """The file at `path`, with `key.key=value` overrides on top, as an instance of `schema`; None is the defaults.

    `under` is a tree that the file is laid over, for what it takes over from another run.
    """
    text, name = ("", "the defaults") if path is None else (read(Path(path)), str(path))
    return loads(schema, text, name, overrides, resolve, under)


def loads(
    schema: type[T],
    text: str,
    file: str = "<config>",
    overrides: Sequence[str] = (),
    resolve: Resolve | None = None,
    under: yaml.Node | None = None,
) -> T:
    """As `load`, from a string; `file` is the name that errors give."""
    root = with_bases(compose(text, file), file)
    for assignment in overrides:
        root = override(root, assignment)
    return from_tree(schema, laid_over(under, root), file, resolve)


def from_tree(schema: type[T], root: yaml.Node | None, file: str, resolve: Resolve | None = None) -> T:
    """As `load`, from a tree that already has its bases and overrides; None is an empty file."""
    nothing = yaml.ScalarNode("tag:yaml.org,2002:null", "", mark(file), mark(file))
    return cast(T, _Builder(resolve).section(root or nothing, schema, ""))


def text_of(path: Path, key: str, overrides: Sequence[str] = ()) -> str | None:
    """The text of a key at the top of a file, its bases and overrides, before any schema is known; None if absent."""
    root = with_bases(compose(read(Path(path)), str(path)), str(path))
    for assignment in overrides:
        root = override(root, assignment)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    values = [value for name, value in pairs if name.value == key]
    return (
        str(values[0].value) if values and isinstance(values[0], yaml.ScalarNode) and not is_null(values[0]) else None
    )


def keys(path: Path, overrides: Sequence[str] = ()) -> set[str]:
    """The keys at the top of a file, its bases and the overrides: they tell what it is a configuration of."""
    root = with_bases(compose(read(Path(path)), str(path)), str(path))
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return {str(key.value) for key, _ in pairs} | {assignment.split("=")[0].split(".")[0] for assignment in overrides}


def defaults(schema: type[T], resolve: Resolve | None = None) -> T:
    """An instance of the schema with all its defaults."""
    return loads(schema, "", resolve=resolve)


class _Builder:
    """Turns nodes into values of the schema's types, with the place of every mistake."""

    def __init__(self, resolve: Resolve | None) -> None:
        self.resolve = resolve
        self.open: list[int] = []

    def section(self, node: yaml.Node, schema: type, key: str, base: Any = None) -> Any:
        """An instance of `schema`; what the file leaves out comes from `base`, or else from the schema."""
        pairs = self.pairs(node, key)
        hints = _type_hints(schema)
        known = [f.name for f in dataclasses.fields(schema)]
        for name, (name_node, _) in pairs.items():
            if name not in known:
                raise place_error(name_node, _join(key, name), "unknown key", near(name, known))
        values = {} if base is None else {name: getattr(base, name) for name in known}
        for f in dataclasses.fields(schema):
            hint, inner = hints[f.name], _join(key, f.name)
            value = pairs[f.name][1] if f.name in pairs else None
            if value is None and f.name in values:
                continue
            if "room" in f.metadata:
                values[f.name] = self.plugins(value or self.empty(node), f, hint, inner)
            elif dataclasses.is_dataclass(hint):
                default = None if f.default is MISSING else f.default
                values[f.name] = self.section(value or self.empty(node), cast(type, hint), inner, default)
            elif value is not None:
                values[f.name] = self.value(value, hint, inner)
                if "most" in f.metadata and not 0 <= values[f.name] <= f.metadata["most"]:
                    raise place_error(value, inner, f"is a whole number from 0 to {f.metadata['most']}")
            elif f.default is MISSING and f.default_factory is MISSING:
                raise place_error(node, inner, "is required and missing", doc_of(f))
        return self.checked(schema, values, node, key)

    def empty(self, parent: yaml.Node) -> yaml.Node:
        """A null node, at the section's place, for a key that it does not give."""
        return yaml.ScalarNode("tag:yaml.org,2002:null", "", parent.start_mark, parent.start_mark)

    def checked(self, schema: type, values: dict[str, Any], node: yaml.Node, key: str) -> Any:
        """An instance of `schema`, which may refuse values in __post_init__ by ValueError: the place is added here."""
        try:
            return schema(**values)
        except (ValueError, ArithmeticError) as error:
            raise place_error(node, key or "the file", str(error)) from None

    def plugins(self, node: yaml.Node, f: dataclasses.Field[Any], hint: Any, key: str) -> Any:
        room, default = f.metadata["room"], f.metadata["default"]
        if typing.get_origin(hint) is tuple:
            if is_null(node):
                return ()
            if not isinstance(node, yaml.SequenceNode):
                raise place_error(node, key, "is a list of sections", f"write '- name: ...' under {f.name}:")
            common = f.metadata["common"]
            return tuple(self.plugin(n, room, None, f"{key}.{i}", common) for i, n in enumerate(node.value))
        if is_null(node) and default is None:
            return None
        return self.plugin(node, room, default, key)

    def plugin(self, node: yaml.Node, room: str, default: str | None, key: str, common: type | None = None) -> Named:
        pairs = self.pairs(node, key)
        name_node = pairs["name"][1] if "name" in pairs else None
        name = self.value(name_node, str, f"{key}.name") if name_node else default
        if name is None:
            raise place_error(node, f"{key}.name", "is required and missing", f"name a file of masr/{room}/")
        if self.resolve is None:
            raise place_error(node, key, "plug-ins cannot be opened here")
        try:
            schema = self.resolve(room, name)
        except ConfigError as error:
            raise place_error(name_node or node, f"{key}.name", error.what, error.fix) from None
        own, shared = _names_of(schema), _names_of(common)
        if own & shared:
            raise TypeError(f"masr/{room}/{name}.py has the keys of all its room: {', '.join(sorted(own & shared))}")
        for known, (place, _) in pairs.items():
            if shared and known not in own | shared | {"name"}:
                raise place_error(place, _join(key, known), "unknown key", near(known, own | shared))
        config = self.section(_part(node, pairs, set(pairs) - shared - {"name"}), schema, key)
        return Named(name, config, self.section(_part(node, pairs, shared), common, key) if common else None)

    def pairs(self, node: yaml.Node, key: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise place_error(node, key or "the file", f"is {kind_of(node)}, not a section of 'key: value' lines")
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                raise place_error(name, key or "the file", "keys are words")
            if name.value in found:
                raise place_error(name, _join(key, name.value), "is given twice", "keep one of the two")
            found[name.value] = (name, value)
        return found

    def value(self, node: yaml.Node, hint: Any, key: str) -> Any:
        if id(node) in self.open:
            raise place_error(node, key, "refers to itself")
        self.open.append(id(node))
        try:
            return self.typed(node, hint, key)
        finally:
            self.open.pop()

    def typed(self, node: yaml.Node, hint: Any, key: str) -> Any:
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Union or origin is types.UnionType:
            return self.union(node, args, key)
        if origin is Literal:
            return self.literal(node, args, key)
        if origin is tuple:
            return self.sequence(node, args, key)
        if origin is not None and issubclass(origin, Mapping):
            pairs = self.pairs(node, key).items()
            return {self.scalar(k, args[0], key): self.value(v, args[1], _join(key, n)) for n, (k, v) in pairs}
        if dataclasses.is_dataclass(hint):
            return self.section(node, cast(type, hint), key)
        return self.scalar(node, hint, key)

    def union(self, node: yaml.Node, args: tuple[Any, ...], key: str) -> Any:
        if is_null(node) and type(None) in args:
            return None
        options = [a for a in args if a is not type(None)]
        for candidate in options:
            try:
                return self.typed(node, candidate, key)
            except ConfigError:
                if len(options) == 1:
                    raise
        wanted = " or ".join(_WANTED[a][1] if a in _WANTED else "a list or section" for a in options)
        raise place_error(node, key, f"is {kind_of(node)}, not {wanted}")

    def literal(self, node: yaml.Node, args: tuple[Any, ...], key: str) -> Any:
        for kind in dict.fromkeys(type(a) for a in args):
            if isinstance(node, yaml.ScalarNode) and node.tag.endswith(_WANTED[kind][0]):
                value = self.scalar(node, kind, key)
                if any(type(a) is kind and a == value for a in args):
                    return value
        raise place_error(node, key, f"cannot be {kind_of(node)}", near(str(node.value), [str(a) for a in args]))

    def sequence(self, node: yaml.Node, args: tuple[Any, ...], key: str) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            raise place_error(node, key, f"is {kind_of(node)}, not a list", "write it as [a, b]")
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(self.value(n, args[0], f"{key}.{i}") for i, n in enumerate(node.value))
        if len(node.value) != len(args):
            raise place_error(node, key, f"has {len(node.value)} entries, not {len(args)}")
        return tuple(self.value(n, a, f"{key}.{i}") for i, (n, a) in enumerate(zip(node.value, args)))

    def scalar(self, node: yaml.Node, hint: Any, key: str) -> Any:
        wanted = _WANTED.get(hint)
        if wanted is None:
            raise TypeError(f"the schema of {key} has a type that no file can hold: {hint}")
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith(wanted[0]):
            raise place_error(node, key, f"is {kind_of(node)}, not {wanted[1]}", hint_for(node, hint))
        try:
            value = scalar_value(node)
            if hint is Path and not can_be_named(str(value)):
                raise ValueError("no file can have such a name")
            if hint is Path and str(value).startswith(PREFIX):
                return cached(str(value))
            return hint(value)
        except CheckpointError as error:
            raise place_error(node, key, f"is {error.what}", error.fix) from None
        except (ValueError, OverflowError) as error:
            raise place_error(node, key, f"is {kind_of(node)}, not {wanted[1]}: {error}") from None


_WANTED: dict[Any, tuple[tuple[str, ...], str]] = {
    bool: ((":bool",), "true or false"),
    int: ((":int",), "a whole number"),
    float: ((":float", ":int"), "a number"),
    str: ((":str",), "text"),
    Path: ((":str",), "a path"),
}


@cache
def _type_hints(schema: type) -> dict[str, Any]:
    """Field -> its type; kept, because the same few schemas are asked thousands of times for a large table."""
    return typing.get_type_hints(schema)


def _names_of(schema: type | None) -> set[str]:
    return {f.name for f in dataclasses.fields(schema)} if schema else set()


def _part(node: yaml.Node, pairs: Mapping[str, tuple[yaml.Node, yaml.Node]], names: set[str]) -> yaml.Node:
    """The section of a node with only some of its keys."""
    chosen = [pair for name, pair in pairs.items() if name in names]
    return yaml.MappingNode("tag:yaml.org,2002:map", chosen, node.start_mark, node.end_mark)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
