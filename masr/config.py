"""YAML 1.2 into frozen dataclasses, and back with every default's doc beside it.

A schema is a frozen dataclass whose fields are made by `option` (a value), or `choice` (a plug-in file of a
room, picked by its `name` key). A file holds only what differs from the defaults. An unknown or ill-typed key
is an error that names file, line, key and the near ones.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import yaml

from masr.errors import ConfigError, near
from masr.yaml12 import ScalarLoader, quote

T = TypeVar("T")
Resolve = Callable[[str, str], type]
"""(room, name) -> the Config of the plug-in file masr/<room>/<name>.py."""


@dataclass(frozen=True)
class Named:
    """A plug-in picked in a config: the file's name and the values of its own Config."""

    name: str
    config: Any


def option(default: Any, doc: str) -> Any:
    """A field with a default and the sentence that `masr config` prints beside it."""
    return dataclasses.field(default=default, metadata={"doc": doc})


def required(doc: str) -> Any:
    """A field that every file must give."""
    return dataclasses.field(metadata={"doc": doc}, kw_only=True)


def choice(room: str, default: str | None, doc: str) -> Any:
    """A field that opens one file of `room`; `default` None means that the section may be left out."""
    return dataclasses.field(default=None, metadata={"doc": doc, "room": room, "default": default})


def choices(room: str, doc: str) -> Any:
    """A field that holds a list of plug-ins of `room`, empty by default."""
    return dataclasses.field(default=(), metadata={"doc": doc, "room": room, "default": None})


def load(schema: type[T], path: Path, overrides: Sequence[str] = (), resolve: Resolve | None = None) -> T:
    """The file at `path`, with `key.key=value` overrides on top, as an instance of `schema`."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        siblings = [p.name for p in Path(path).parent.glob("*.y*ml")]
        raise ConfigError(f"{path}: no such file", fix=near(Path(path).name, siblings)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    return loads(schema, text, str(path), overrides, resolve)


def loads(
    schema: type[T],
    text: str,
    file: str = "<config>",
    overrides: Sequence[str] = (),
    resolve: Resolve | None = None,
) -> T:
    """As `load`, from a string; `file` is the name that errors give."""
    root = _compose(text, file)
    for override in overrides:
        root = _override(root, override)
    return cast(T, _Builder(resolve).section(root, schema, ""))


def defaults(schema: type[T], resolve: Resolve | None = None) -> T:
    """The schema with nothing set."""
    return loads(schema, "", resolve=resolve)


def to_dict(config: Any) -> Any:
    """Plain dicts, lists and scalars: for JSON, for comparing and for hashing."""
    if isinstance(config, Named):
        return {"name": config.name, **to_dict(config.config)}
    if dataclasses.is_dataclass(config):
        return {f.name: to_dict(getattr(config, f.name)) for f in dataclasses.fields(config)}
    if isinstance(config, Mapping):
        return {key: to_dict(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [to_dict(value) for value in config]
    return str(config) if isinstance(config, Path) else config


def dump(config: Any, docs: bool = False) -> str:
    """YAML that `loads` reads back to an equal config; with `docs`, each field's doc stands above it."""
    return "".join(line + "\n" for line in _lines(config, docs, ""))


def _compose(text: str, file: str) -> yaml.Node | None:
    loader = ScalarLoader(text)
    loader.name = file
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{file}{line}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{file}: not YAML: {str(error).splitlines()[0]}") from None
    finally:
        loader.dispose()


def _override(root: yaml.Node | None, text: str) -> yaml.Node:
    """`a.b=value` set in the tree; its line in errors is the override itself."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"override {text!r} is not key=value", fix="write it as section.key=value")
    file = f"override {text!r}"
    node = _compose(value, file) or yaml.ScalarNode("tag:yaml.org,2002:null", "", _mark(file), _mark(file))
    if not isinstance(root, yaml.MappingNode):
        root = yaml.MappingNode(_MAP, [], _mark(file), _mark(file))
    parent: yaml.Node = root
    *folders, last = key.strip().split(".")
    for depth, folder in enumerate(folders):
        parent = _child(parent, folder, file, ".".join(folders[: depth + 1]))
    if isinstance(parent, yaml.SequenceNode):
        parent.value[_position(parent, last, file, key)] = node
    else:
        mapping = cast(yaml.MappingNode, parent)
        mapping.value = [pair for pair in mapping.value if pair[0].value != last]
        mapping.value.append((yaml.ScalarNode(_STR, last, _mark(file), _mark(file)), node))
    return root


_MAP, _STR = "tag:yaml.org,2002:map", "tag:yaml.org,2002:str"


def _mark(file: str) -> yaml.Mark:
    return yaml.Mark(file, 0, 0, 0, None, 0)


def _child(parent: yaml.Node, key: str, file: str, dotted: str) -> yaml.Node:
    if isinstance(parent, yaml.SequenceNode):
        return cast(yaml.Node, parent.value[_position(parent, key, file, dotted)])
    mapping = cast(yaml.MappingNode, parent)
    for name, value in mapping.value:
        if name.value == key and isinstance(value, yaml.MappingNode | yaml.SequenceNode):
            return value
    mapping.value = [pair for pair in mapping.value if pair[0].value != key]
    child = yaml.MappingNode(_MAP, [], _mark(file), _mark(file))
    mapping.value.append((yaml.ScalarNode(_STR, key, _mark(file), _mark(file)), child))
    return child


def _position(parent: yaml.SequenceNode, key: str, file: str, dotted: str) -> int:
    if key.isdecimal() and int(key) < len(parent.value):
        return int(key)
    raise ConfigError(f"{file}: {dotted}: the list has {len(parent.value)} entries, counted from 0")


class _Builder:
    """Turns nodes into values of the schema's types, with the place of every mistake."""

    def __init__(self, resolve: Resolve | None) -> None:
        self.resolve = resolve
        self.open: list[int] = []

    def section(self, node: yaml.Node | None, schema: type, key: str) -> Any:
        pairs = self.pairs(node, key)
        hints = typing.get_type_hints(schema)
        known = [f.name for f in dataclasses.fields(schema)]
        for name, (name_node, _) in pairs.items():
            if name not in known:
                raise _error(name_node, _join(key, name), "unknown key", near(name, known))
        values = {}
        for f in dataclasses.fields(schema):
            inner = _join(key, f.name)
            value = pairs[f.name][1] if f.name in pairs else None
            if "room" in f.metadata:
                values[f.name] = self.plugins(value, f, hints[f.name], inner)
            elif value is not None:
                values[f.name] = self.value(value, hints[f.name], inner)
            elif dataclasses.is_dataclass(hints[f.name]):
                values[f.name] = self.section(None, cast(type, hints[f.name]), inner)
            elif f.default is MISSING and f.default_factory is MISSING:
                raise _error(node, inner, "is required and missing", _doc(f))
        return self.checked(schema, values, node, key)

    def checked(self, schema: type, values: dict[str, Any], node: yaml.Node | None, key: str) -> Any:
        """A Config may refuse its own values in __post_init__ by ValueError; the place is added here."""
        try:
            return schema(**values)
        except ValueError as error:
            raise _error(node, key or "the file", str(error)) from None

    def plugins(self, node: yaml.Node | None, f: dataclasses.Field[Any], hint: Any, key: str) -> Any:
        room, default = f.metadata["room"], f.metadata["default"]
        if typing.get_origin(hint) is tuple:
            if node is None or _is_null(node):
                return ()
            if not isinstance(node, yaml.SequenceNode):
                raise _error(node, key, "is a list of sections", f"write '- name: ...' under {f.name}:")
            return tuple(self.plugin(n, room, None, f"{key}.{i}") for i, n in enumerate(node.value))
        if (node is None or _is_null(node)) and default is None:
            return None
        return self.plugin(node, room, default, key)

    def plugin(self, node: yaml.Node | None, room: str, default: str | None, key: str) -> Named:
        pairs = self.pairs(node, key)
        name_node = pairs["name"][1] if "name" in pairs else None
        name = self.value(name_node, str, f"{key}.name") if name_node else default
        if name is None:
            raise _error(node, f"{key}.name", "is required and missing", f"name a file of masr/{room}/")
        if self.resolve is None:
            raise _error(node, key, "plug-ins cannot be opened here")
        try:
            schema = self.resolve(room, name)
        except ConfigError as error:
            raise _error(name_node or node, f"{key}.name", error.what, error.fix) from None
        rest = [pair for pair in node.value if pair[0].value != "name"] if node is not None else []
        start = node.start_mark if node is not None else _mark("<defaults>")
        return Named(name, self.section(yaml.MappingNode(_MAP, rest, start, start), schema, key))

    def pairs(self, node: yaml.Node | None, key: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if node is None or _is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise _error(node, key or "the file", f"is {_kind(node)}, not a section of 'key: value' lines")
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                raise _error(name, key or "the file", "keys are words")
            if name.value in found:
                raise _error(name, _join(key, name.value), "is given twice", "keep one of the two")
            found[name.value] = (name, value)
        return found

    def value(self, node: yaml.Node, hint: Any, key: str) -> Any:
        if id(node) in self.open:
            raise _error(node, key, "refers to itself")
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
            return {k: self.value(v[1], args[1], _join(key, k)) for k, v in self.pairs(node, key).items()}
        if dataclasses.is_dataclass(hint):
            return self.section(node, cast(type, hint), key)
        return self.scalar(node, hint, key)

    def union(self, node: yaml.Node, args: tuple[Any, ...], key: str) -> Any:
        if _is_null(node) and type(None) in args:
            return None
        options = [a for a in args if a is not type(None)]
        for candidate in options[:-1]:
            try:
                return self.typed(node, candidate, key)
            except ConfigError:
                continue
        return self.typed(node, options[-1], key)

    def literal(self, node: yaml.Node, args: tuple[Any, ...], key: str) -> Any:
        value = self.scalar(node, type(args[0]), key)
        if value not in args:
            raise _error(node, key, f"cannot be {value!r}", near(str(value), [str(a) for a in args]))
        return value

    def sequence(self, node: yaml.Node, args: tuple[Any, ...], key: str) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            raise _error(node, key, f"is {_kind(node)}, not a list", "write it as [a, b]")
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(self.value(n, args[0], f"{key}.{i}") for i, n in enumerate(node.value))
        if len(node.value) != len(args):
            raise _error(node, key, f"has {len(node.value)} entries, not {len(args)}")
        return tuple(self.value(n, a, f"{key}.{i}") for i, (n, a) in enumerate(zip(node.value, args)))

    def scalar(self, node: yaml.Node, hint: Any, key: str) -> Any:
        wanted = _WANTED.get(hint)
        if wanted is None:
            raise TypeError(f"the schema of {key} has a type that no file can hold: {hint}")
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith(wanted[0]):
            raise _error(node, key, f"is {_kind(node)}, not {wanted[1]}", _hint_for(node, hint))
        value = ScalarLoader.scalar(node)
        return Path(value) if hint is Path else hint(value)


_WANTED: dict[Any, tuple[tuple[str, ...], str]] = {
    bool: ((":bool",), "true or false"),
    int: ((":int",), "a whole number"),
    float: ((":float", ":int"), "a number"),
    str: ((":str",), "text"),
    Path: ((":str",), "a path"),
}


def _hint_for(node: yaml.Node, hint: Any) -> str:
    text = str(node.value)
    if hint is bool and text.lower() in ("yes", "on", "no", "off", "y", "n"):
        return f"{text} is a word in YAML 1.2 (the language code of Norwegian, say): write true or false"
    if hint in (str, Path) and isinstance(node, yaml.ScalarNode):
        return f'put it in quotes: "{text}"'
    if hint is int and node.tag.endswith(":float"):
        return "write it without a point or an exponent"
    return ""


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a section"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "empty" if _is_null(node) else f"{node.value!r}"


def _doc(f: dataclasses.Field[Any]) -> str:
    return str(f.metadata.get("doc", ""))


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _error(node: yaml.Node | None, key: str, problem: str, fix: str = "") -> ConfigError:
    place = f"{node.start_mark.name}:{node.start_mark.line + 1}: " if node is not None else ""
    return ConfigError(f"{place}{key}: {problem}", fix=fix)


def _lines(config: Any, docs: bool, indent: str) -> list[str]:
    lines: list[str] = []
    if isinstance(config, Named):
        lines.append(f"{indent}name: {quote(config.name)}")
        config = config.config
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if docs and _doc(f):
            lines.append(f"{indent}# {_doc(f)}")
        lines += _entry(f.name, value, docs, indent)
    return lines


def _entry(name: str, value: Any, docs: bool, indent: str) -> list[str]:
    if isinstance(value, Named) or dataclasses.is_dataclass(value):
        inner = _lines(value, docs, indent + "  ")
        return [f"{indent}{name}:", *inner] if inner else [f"{indent}{name}: {{}}"]
    if isinstance(value, tuple) and any(isinstance(v, Named) or dataclasses.is_dataclass(v) for v in value):
        blocks = [_lines(v, docs, indent + "    ") for v in value]
        bullets = [[f"{indent}  - {b[0].lstrip()}", *b[1:]] for b in (_docs_last(b) for b in blocks)]
        return [f"{indent}{name}:", *(line for bullet in bullets for line in bullet)]
    return [f"{indent}{name}: {_inline(value)}"]


def _docs_last(block: list[str]) -> list[str]:
    """A bullet starts with a key: a comment that would stand first goes after it."""
    first = next(i for i, line in enumerate(block) if not line.lstrip().startswith("#"))
    return [block[first], *block[:first], *block[first + 1 :]]


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quote(str(k))}: {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_inline(v) for v in value) + "]"
    return quote(str(value) if isinstance(value, Path) else value)
